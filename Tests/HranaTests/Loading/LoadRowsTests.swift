import BerthTestKit
import FleetModel
import Testing

@testable import Hrana

struct LoadRowsTests {
    private func rows(_ body: String, _ query: String = "table=t") throws -> (columns: [String]?, rows: [[SQLValue]]) {
        try rows(Array(body.utf8), query)
    }

    private func rows(_ body: [UInt8], _ query: String) throws -> (columns: [String]?, rows: [[SQLValue]]) {
        var reader = try LoadRows(body, try LoadOptions(query: query))
        var all: [[SQLValue]] = []
        // Two at a time, as a caller that goes on.
        while case let some = try reader.next(2), !some.isEmpty { all += some }
        #expect(try reader.next(2).isEmpty)
        return (reader.columns, all)
    }

    private func message(_ body: String, _ query: String = "table=t") throws -> String {
        let error = #expect(throws: BerthError.self) { try rows(body, query) }
        #expect(error?.code == .malformedRequest)
        return error?.message ?? ""
    }

    /// Names and texts that Swift takes for equal, and a separator with a mark behind it.
    @Test func textsAreComparedByTheirBytes() throws {
        let (composed, decomposed) = ("\u{E9}", "e\u{301}")
        let objects = try rows("{\"\(composed)\":1,\"\(decomposed)\":2}\n{\"\(decomposed)\":3,\"\(composed)\":4}", "table=t&format=ndjson")
        #expect(objects.columns?.map { Array($0.utf8) } == [composed, decomposed].map { Array($0.utf8) })
        #expect(objects.rows == [[.integer(1), .integer(2)], [.integer(4), .integer(3)]])
        #expect(try rows("[1,2]", "table=t&format=ndjson&columns=%C3%A9,e%CC%81").columns?.count == 2)
        #expect(try rows("a,b\n\(composed),\(decomposed)", "table=t&null=%C3%A9").rows == [[.null, .text(decomposed)]])
        #expect(try LoadOptions(query: "table=t&columns=a,%CC%81b").columns == ["a", "\u{301}b"])
    }

    // MARK: CSV

    @Test func csvAsItIsWritten() throws {
        let csv = "a,b,c\r\n1,\"x, \"\"y\"\"\",\r\n\r\n-2,\"line\none\",\"\"\n3,ÅΩ😀,z"
        let (columns, rows) = try rows(csv)
        #expect(columns == ["a", "b", "c"])
        #expect(
            rows == [
                [.text("1"), .text(#"x, "y""#), .null], [.text("-2"), .text("line\none"), .text("")],
                [.text("3"), .text("ÅΩ😀"), .text("z")],
            ])
    }

    @Test func csvWithoutHeaderAndWithOtherSigns() throws {
        let (columns, first) = try rows("1;NA\n\"NA\";2\n", "table=t&header=false&delimiter=%3B&null=NA")
        #expect(columns == nil && first == [[.text("1"), .null], [.text("NA"), .text("2")]])
        // The header is skipped when the query names the columns.
        let (named, second) = try rows("x,y\n1,2", "table=t&columns=b,a")
        #expect(named == ["b", "a"] && second == [[.text("1"), .text("2")]])
        let (_, third) = try rows([0xEF, 0xBB, 0xBF] + Array("a\n1\n".utf8), "table=t")
        #expect(third == [[.text("1")]])
        #expect(try rows("a,b\n").rows.isEmpty)
        #expect(try rows("", "table=t&header=false").rows.isEmpty)
    }

    @Test func csvThatIsNone() throws {
        #expect(try message("").contains("no header"))
        #expect(try message("a,b\n1,2\n1,2,3\n").hasPrefix("Line 3: The row has 3 fields, not 2."))
        #expect(try message("a\n\"x\ny\"\n\"z").hasPrefix("Line 4: A quote is never closed."))
        #expect(try message("a\nx\"y\n").hasPrefix("Line 2: A quote stands inside"))
        #expect(try message("a\n\"x\"y\n").hasPrefix("Line 2: Something follows"))
        #expect(try message("a,,c\n1,2,3").contains("without a name"))
        let error = #expect(throws: BerthError.self) { try rows(Array("a\n".utf8) + [0xFF], "table=t") }
        #expect(error?.message.contains("UTF-8") == true)
    }

    /// Whatever is written comes back, however it is quoted.
    @Test(arguments: UInt64(0)..<50) func csvRoundTrips(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = ["", "a", "\"", ",", "\n", "\r\n", "\r", "é", "😀", " ", "1.5", "null"]
        let width = Int.random(in: 1...5, using: &random)
        let table: [[String]] = (0..<Int.random(in: 0...20, using: &random)).map { _ in
            (0..<width).map { _ in (0..<Int.random(in: 0...4, using: &random)).map { _ in pieces[Int.random(in: pieces.indices, using: &random)] }.joined() }
        }
        let csv = table.map { row in
            row.map { field in "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" }
                .joined(separator: ",")
        }.joined(separator: Bool.random(using: &random) ? "\n" : "\r\n")
        #expect(try rows(csv, "table=t&header=false").rows == table.map { $0.map { .text($0) } })
    }

    // MARK: JSON

    @Test func jsonArraysAndObjects() throws {
        let (none, arrays) = try rows("[1,2.5,null]\n\n[\"x\",true,[1,{\"a\":2}]]\r\n", "table=t&format=ndjson")
        #expect(none == nil)
        #expect(arrays == [[.integer(1), .real(2.5), .null], [.text("x"), .integer(1), .text(#"[1,{"a":2}]"#)]])
        let (columns, objects) = try rows(#"{"a":1,"b":"x"}"# + "\n" + #"{"b":null,"a":123456789012345678901}"# + "\n{}", "table=t&format=ndjson")
        #expect(columns == ["a", "b"])
        #expect(objects == [[.integer(1), .text("x")], [.text("123456789012345678901"), .null], [.null, .null]])
        let (named, ordered) = try rows(#"{"b":2}"# + "\n[3,4]", "table=t&format=ndjson&columns=a,b")
        #expect(named == ["a", "b"] && ordered == [[.null, .integer(2)], [.integer(3), .integer(4)]])
        #expect(try rows("", "table=t&format=ndjson").rows.isEmpty)
    }

    @Test func jsonThatIsNone() throws {
        let query = "table=t&format=ndjson"
        #expect(try message("[1]\n[1,2]", query).hasPrefix("Line 2: The row has 2 values, not 1."))
        #expect(try message("[1]\n[1", query).hasPrefix("Line 2: unexpected end"))
        #expect(try message("7", query).hasPrefix("Line 1: expected array"))
        #expect(try message(#"{"a":1}"# + "\n" + #"{"c":1}"#, query).contains("“c”, which names nothing"))
        #expect(try message(#"{"a":1,"a":2}"#, query).contains("second “a”"))
        #expect(try message("[1]\n{\"a\":1}", query).hasPrefix("Line 2: expected array"))
        #expect(try message("[1] [2]", query).contains("text after the end"))
        #expect(try message("[1]", query + "&columns=a,a").contains("named twice"))
    }

    // MARK: The query

    @Test func queriesThatSayNothingUseful() throws {
        let options = try LoadOptions(query: "table=my%20table&columns=a%26b,c&header=false&null=%22NA")
        #expect(options.table == "my table" && options.columns == ["a&b", "c"] && !options.hasHeader && options.null == "\"NA")
        for query in [
            nil, "", "table=", "columns=a", "table=t&columns=", "table=t&columns=a,,b", "table=t&format=xml", "table=t&header=yes",
            "table=t&delimiter=", "table=t&delimiter=ab", "table=t&delimiter=%22", "table=t&delimiter=%0A", "table=t&table=u",
            "table=t&x=1", "table=%ZZ", "table=t&format=ndjson&header=true",
        ] {
            let error = #expect(throws: BerthError.self) { try LoadOptions(query: query) }
            #expect(error?.code == .malformedRequest, "\(query ?? "-")")
        }
    }
}
