import BerthTestKit
import FleetModel
import Foundation
import Hrana
import Testing

@Suite struct ResponseEncodingTests {
    static var sample: SQLResult {
        var result = SQLResult()
        result.columns = [.init(name: "id", declaredType: "INTEGER"), .init(name: "a\"b", declaredType: nil)]
        result.rows = [[.integer(.min), .null], [.text("é\0\n"), .blob([0xFB, 0xFF])], [.real(0.1), .real(-.infinity)]]
        result.affectedRows = 3
        result.lastInsertRowID = .max
        result.rowsRead = 7
        result.rowsWritten = 2
        result.nanoseconds = 61_999
        return result
    }

    static let sampleJSON =
        #"{"cols":[{"name":"id","decltype":"INTEGER"},{"name":"a\"b","decltype":null}],"#
        + #""rows":[[{"type":"integer","value":"-9223372036854775808"},{"type":"null"}],"#
        + #"[{"type":"text","value":"é\u0000\n"},{"type":"blob","base64":"+/8"}],"#
        + #"[{"type":"float","value":0.1},{"type":"float","value":-1e999}]],"#
        + #""affected_row_count":3,"last_insert_rowid":"9223372036854775807","replication_index":null,"#
        + #""rows_read":7,"rows_written":2,"query_duration_ms":0.061}"#

    static let emptyJSON =
        #"{"cols":[],"rows":[],"affected_row_count":0,"last_insert_rowid":null,"replication_index":null,"#
        + #""rows_read":0,"rows_written":0,"query_duration_ms":0.000}"#

    @Test func writesV1Execute() throws {
        #expect(text(try ResponseBody.execute(Self.sample)) == #"{"result":"# + Self.sampleJSON + "}")
        #expect(text(try ResponseBody.execute(SQLResult())) == #"{"result":"# + Self.emptyJSON + "}")
    }

    @Test func writesV1Batch() throws {
        let result = BatchResult(steps: [
            .succeeded(SQLResult()), .failed(SQLError(code: "SQLITE_CONSTRAINT_UNIQUE", message: "no “x”")), .skipped,
        ])
        #expect(result.steps.map(\.outcome) == [.succeeded, .failed, .skipped])
        #expect(
            text(try ResponseBody.batch(result))
                == #"{"result":{"step_results":[\#(Self.emptyJSON),null,null],"#
                + #""step_errors":[null,{"message":"no “x”","code":"SQLITE_CONSTRAINT","extended_code":"SQLITE_CONSTRAINT_UNIQUE"},null]}}"#)
    }

    @Test func writesPipelines() {
        let response = PipelineResponse(
            baton: "abc", baseURL: nil,
            results: [
                .success(.execute(SQLResult())), .success(.batch(BatchResult(steps: []))), .success(.sequence),
                .success(
                    .describe(
                        SQLDescription(
                            parameters: [nil, ":a"], columns: [.init(name: "x", declaredType: "TEXT")],
                            isExplain: false, isReadOnly: true))),
                .success(.storeSQL), .success(.closeSQL), .success(.getAutocommit(false)),
                .failure(SQLError(code: "SQL_PARSE_ERROR", message: "near \"x\"")), .success(.close),
            ])
        let expected = [
            #"{"type":"ok","response":{"type":"execute","result":\#(Self.emptyJSON)}}"#,
            #"{"type":"ok","response":{"type":"batch","result":{"step_results":[],"step_errors":[]}}}"#,
            #"{"type":"ok","response":{"type":"sequence"}}"#,
            #"{"type":"ok","response":{"type":"describe","result":{"params":[{"name":null},{"name":":a"}],"#
                + #""cols":[{"name":"x","decltype":"TEXT"}],"is_explain":false,"is_readonly":true}}}"#,
            #"{"type":"ok","response":{"type":"store_sql"}}"#,
            #"{"type":"ok","response":{"type":"close_sql"}}"#,
            #"{"type":"ok","response":{"type":"get_autocommit","is_autocommit":false}}"#,
            #"{"type":"error","error":{"message":"near \"x\"","code":"SQL_PARSE_ERROR"}}"#,
            #"{"type":"ok","response":{"type":"close"}}"#,
        ].joined(separator: ",")
        #expect(text(ResponseBody.pipeline(response)) == #"{"baton":"abc","base_url":null,"results":[\#(expected)]}"#)

        let closed = PipelineResponse(baton: nil, baseURL: "http://node-1:8080/db/shop", results: [])
        #expect(
            text(ResponseBody.pipeline(closed)) == #"{"baton":null,"base_url":"http://node-1:8080/db/shop","results":[]}"#)
    }

    /// Columns are written once and copied for the next result, unless a byte differs.
    @Test func columnsOfTheSameCharactersAreTwo() {
        let names = ["\u{E9}", "e\u{301}", "\u{E9}"]
        var writer = JSONWriter()
        for name in names { writer.cursorStepBegin(step: 0, columns: [.init(name: name, declaredType: name)]) }
        let expected = names.map { "{\"type\":\"step_begin\",\"step\":0,\"cols\":[{\"name\":\"\($0)\",\"decltype\":\"\($0)\"}]}\n" }.joined()
        #expect(writer.bytes == Array(expected.utf8))
    }

    @Test func writesCursorEntriesOneALine() {
        var writer = JSONWriter()
        writer.cursorOpening(baton: nil, baseURL: nil)
        writer.cursorStepBegin(step: 0, columns: [.init(name: "x", declaredType: nil)])
        writer.cursorRows(RowBlock([[.integer(1), .null], [.text("a\"b"), .real(0.5)]]))
        writer.cursorStepEnd(affectedRows: 0, lastInsertRowID: 4)
        writer.cursorStepEnd(affectedRows: 1, lastInsertRowID: nil)
        writer.cursorStepError(step: 1, SQLError(code: "C", message: "line\nbreak"))
        writer.cursorError(SQLError(code: "STREAM_EXPIRED", message: "gone"))
        writer.cursorEnd()
        #expect(
            text(writer.bytes)
                == #"""
                {"baton":null,"base_url":null}
                {"type":"step_begin","step":0,"cols":[{"name":"x","decltype":null}]}
                {"type":"row","row":[{"type":"integer","value":"1"},{"type":"null"}]}
                {"type":"row","row":[{"type":"text","value":"a\"b"},{"type":"float","value":0.5}]}
                {"type":"step_end","affected_row_count":0,"last_insert_rowid":"4"}
                {"type":"step_end","affected_row_count":1,"last_insert_rowid":null}
                {"type":"step_error","step":1,"error":{"message":"line\nbreak","code":"C"}}
                {"type":"error","error":{"message":"gone","code":"STREAM_EXPIRED"}}
                {"type":"replication_index","replication_index":null}

                """#)
    }

    /// Some clients split the lines of a cursor by what their language takes for the end of one.
    @Test func noLineOfACursorHasTheEndOfALineInside() throws {
        let texts = ["a\u{85}b", "\u{2028}", "\u{2029}\u{2029}", "é€\u{2027}\u{202A}\u{C5}\u{86}", "x\u{2028}\"\u{85}\n", "\u{0B}\u{0C}\u{1C}\u{1D}\u{1E}"]
        var writer = JSONWriter()
        writer.escapesLineEnds = true
        writer.cursorStepBegin(step: 0, columns: texts.map { .init(name: $0, declaredType: $0) })
        writer.cursorRows(RowBlock([texts.map { .text($0) }]))
        writer.cursorStepError(step: 1, SQLError(code: "C", message: texts[0] + texts[1]))
        let written = text(writer.bytes)
        let ends = Set("\u{0B}\u{0C}\u{1C}\u{1D}\u{1E}\u{85}\u{2028}\u{2029}\r".unicodeScalars)
        #expect(!written.unicodeScalars.contains { ends.contains($0) } && written.utf8.filter { $0 == 0x0A }.count == 3)
        let row = try #require(written.split(separator: "\n").dropFirst().first)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any])
        let cells = try #require(object["row"] as? [[String: String]])
        #expect(cells.map { Array(($0["value"] ?? "").utf8) } == texts.map { Array($0.utf8) })
    }

    @Test(arguments: [
        ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT"), ("SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR"), ("SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY"),
        ("SQLITE_ERROR", nil), ("SQLITE_FULL", nil), ("SQL_PARSE_ERROR", nil), ("DUCKDB_OUT_OF_MEMORY", nil), ("SQLITE_", nil), ("", nil),
    ] as [(String, String?)])
    func clientsCompareThePrimaryCode(_ code: String, _ primary: String?) throws {
        let expected = primary.map { #""code":"\#($0)","extended_code":"\#(code)""# } ?? #""code":"\#(code)""#
        var writer = JSONWriter()
        writer.error(SQLError(code: code, message: "m"))
        #expect(text(writer.bytes) == #"{"message":"m",\#(expected)}"#)
        #expect(text(ResponseBody.error(SQLError(code: code, message: "m"))) == #"{"message":"m",\#(expected),"error":"m"}"#)
    }

    @Test func writesErrorBodiesOfBothShapes() {
        #expect(
            text(ResponseBody.error(SQLError(code: "STREAM_EXPIRED", message: "gone")))
                == #"{"message":"gone","code":"STREAM_EXPIRED","error":"gone"}"#)
        #expect(
            text(ResponseBody.error(BerthError(.databaseNotFound, "no")))
                == #"{"message":"no","code":"database_not_found","error":"no"}"#)
    }

    @Test(arguments: [
        (Double.nan, #"{"type":"null"}"#), (.signalingNaN, #"{"type":"null"}"#), (.infinity, #"{"type":"float","value":1e999}"#),
        (-.infinity, #"{"type":"float","value":-1e999}"#),
    ]) func notANumberIsNullAndInfinityTooLarge(_ value: Double, _ json: String) throws {
        var result = SQLResult()
        result.rows = [[.real(value), .integer(7)]]
        let expected = #"[\#(json),{"type":"integer","value":"7"}]"#
        #expect(text(try ResponseBody.execute(result)).contains(#""rows":[\#(expected)]"#))
        var writer = JSONWriter()
        writer.cursorRows(RowBlock(result.rows))
        #expect(text(writer.bytes) == #"{"type":"row","row":\#(expected)}"# + "\n")
    }

    @Test func otherReadersUnderstandIt() throws {
        let body = try ResponseBody.execute(Self.sample)
        #expect(throws: Never.self) {
            // Foundation has no infinity.
            try JSONSerialization.jsonObject(with: Data(text(body).replacing("-1e999", with: "0").utf8))
        }
    }

    @Test func valuesComeBackAsTheyWere() throws {
        var generator = SeededGenerator(seed: 21)
        let strings = ["", "\0", "a\u{0}b", "é漢🚀", "\"\\\u{1F}", String(repeating: "x", count: 100)]
        for _ in 0..<300 {
            var result = SQLResult()
            let values = (0..<5).map { _ -> SQLValue in
                let bits = UInt64.random(in: 0...(.max), using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: return .null
                case 1: return .integer(Int64(bitPattern: bits))
                case 2: return .real(Double(bitPattern: bits).isNaN ? 0.5 : Double(bitPattern: bits))
                case 3: return .text(strings[Int(bits % 6)])
                default: return .blob((0..<Int(bits % 9)).map { UInt8(truncatingIfNeeded: bits >> UInt64($0)) })
                }
            }
            result.rows = [values]
            let body = text(try ResponseBody.execute(result))
            let start = try #require(body.range(of: #""rows":["#)?.upperBound)
            let end = try #require(body.range(of: #"],"affected_row_count""#)?.lowerBound)
            let request = #"{"stmt":{"sql":"x","args":\#(body[start..<end])}}"#
            #expect(try ExecuteRequest(decoding: utf8(request)).statement.get().arguments == .positional(values))
        }
    }
}
