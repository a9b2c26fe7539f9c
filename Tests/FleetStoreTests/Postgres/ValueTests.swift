import FleetModel
import FleetStore
import Foundation
import Testing

/// Values sent to a real server and read back.
@Suite(.timeLimit(.minutes(2)))
struct PostgresValueTests {
    @Test func scalarsRoundTrip() async throws {
        let connection = try await connect()
        let uuid = UUID()
        let row = try await connection.query(
            """
            SELECT $1::int8 AS low, $2::int8 AS high, $3::int8 AS bits, $4::text AS text, $5::bool AS yes, $6::uuid AS uuid,
                $7::bytea AS bytes, $8::float8 AS double, $9::text AS nothing, $10::jsonb AS json, 7::int4 AS small
            """,
            [
                .int8(.min), .int8(.max), .bits(.max), "ä“\\'\"\n", true, .uuid(uuid), .bytea(Array(0...255)),
                .double(0.1), .null, #"{"a": [1]}"#,
            ])[0]
        #expect(try row.int64("low") == .min)
        #expect(try row.int64("high") == .max)
        #expect(try row.bits("bits") == .max)
        #expect(try row.string("text") == "ä“\\'\"\n")
        #expect(try row.bool("yes"))
        #expect(try row.uuid("uuid") == uuid)
        #expect(try row.bytes("bytes") == Array(0...255))
        #expect(try row.double("double") == 0.1)
        #expect(try row.optionalString("nothing") == nil)
        #expect(try row.isNull("nothing"))
        #expect(String(decoding: try row.json("json"), as: UTF8.self) == #"{"a": [1]}"#)
        #expect(try row.int(10) == 7)
    }

    @Test func randomBitsSurvive() async throws {
        let connection = try await connect()
        var generator = Seeded(state: 7)
        let values = (0..<500).map { _ in UInt64.random(in: 0...(.max), using: &generator) } + [0, 1, .max, 1 << 63]
        let rows = try await connection.query("SELECT b FROM unnest($1::int8[]) b", [.bitsArray(values)])
        #expect(try rows.map { row in try row.bits("b") } == values)
    }

    @Test(arguments: [
        "1970-01-01 00:00:00+00", "2026-02-28 23:59:59.999999+00", "2024-02-29 12:00:00.5+00",
        "1969-12-31 23:59:59.25+00", "0001-01-01 00:00:00+00", "9999-12-31 00:00:00+00", "1900-03-01 00:00:00.000001+00",
        "2000-12-31 00:00:00+00",
    ])
    func timestampsRoundTrip(text: String) async throws {
        let connection = try await connect()
        let read = try await connection.query(
            "SELECT $1::timestamptz AS t, extract(epoch FROM $1::timestamptz)::float8 AS s", [.text(text)])[0]
        let date = try read.date("t")
        #expect(abs(date.timeIntervalSince1970 - (try read.double("s"))) < 0.000_01)
        let row = try await connection.query("SELECT $1::timestamptz = $2::timestamptz", [.timestamptz(date), .text(text)])[0]
        // Dates far from now have less than a microsecond of precision in a double.
        #expect(try row.bool(0) || abs(date.timeIntervalSince1970) > 4e9)
    }

    @Test func datesPostgresHasAndADateHasNot() async throws {
        let connection = try await connect()
        let row = try await connection.query("SELECT 'infinity'::timestamptz AS t")[0]
        #expect(throws: PostgresDecodingError.self) { try row.date("t") }
        let error = try await postgresError {
            try await connection.query("SELECT $1::timestamptz", [.timestamptz(.distantFuture.addingTimeInterval(1e12))])
        }
        guard case .refused = error.kind else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func arraysRoundTrip() async throws {
        let connection = try await connect()
        let texts = ["", "a", "b c", "NULL", "null", "{}", "\"", "\\", "\\\"", ",", "{a,b}", " lead", "tail ", "é\n\t", "'"]
        let uuids = (0..<3).map { _ in UUID() }
        let row = try await connection.query(
            "SELECT $1::text[] AS t, $2::int8[] AS i, $3::uuid[] AS u, $4::text[] AS e, $5::text[] AS n, $6::int8[] AS ei",
            [
                .array(texts), .array([Int64.min, -1, 0, .max]), .array(uuids), .array([String]()),
                .array(["NULL", nil, ""]), .array([Int64]()),
            ])[0]
        #expect(try row.strings("t") == texts)
        #expect(try row.int64s("i") == [.min, -1, 0, .max])
        #expect(try row.uuids("u") == uuids)
        #expect(try row.strings("e") == [])
        #expect(try row.optionalStrings("n") == ["NULL", nil, ""])
        #expect(try row.int64s("ei") == [])
        #expect(throws: PostgresDecodingError.self) { try row.strings("n") }
    }

    @Test func anArrayArrivesElementByElement() async throws {
        let connection = try await connect()
        let texts: [String?] = ["a\"b", "c\\d", nil, "", "{", "NULL"]
        let rows = try await connection.query("SELECT x FROM unnest($1::text[]) x", [.array(texts)])
        #expect(try rows.map { row in try row.optionalString("x") } == texts)
        let dates = [Date(timeIntervalSince1970: 1), Date(timeIntervalSince1970: 1.5)]
        let others = try await connection.query(
            "SELECT t, b FROM unnest($1::timestamptz[], $2::bytea[]) AS e(t, b)",
            [.elements(dates.map(PostgresValue.timestamptz)), .elements([.bytea([0, 92]), .bytea([34])])])
        #expect(try others.map { row in try row.date("t") } == dates)
        #expect(try others.map { row in try row.bytes("b") } == [[0, 92], [34]])
    }

    @Test func randomTextsSurviveInArrays() async throws {
        let connection = try await connect()
        var generator = Seeded(state: 42)
        let alphabet = Array("ab\"\\{},NULL \t\n'é𝄞$")
        let texts = (0..<300).map { _ in
            String((0..<Int.random(in: 0...8, using: &generator)).compactMap { _ in alphabet.randomElement(using: &generator) })
        }
        let row = try await connection.query("SELECT $1::text[] AS t", [.array(texts)])[0]
        #expect(try row.strings("t") == texts)
    }

    @Test func wrongColumnsAndTypesAreErrors() async throws {
        let connection = try await connect()
        let row = try await connection.query("SELECT 1::int8 AS n, NULL::text AS nothing, 'x' AS t, '\\x00'::bytea AS b")[0]
        #expect(throws: PostgresDecodingError(column: "“m”", problem: .missingColumn)) { try row.int64("m") }
        #expect(throws: PostgresDecodingError(column: "number 9", problem: .missingColumn)) { try row.int64(9) }
        #expect(throws: PostgresDecodingError(column: "“nothing”", problem: .unexpectedNull)) { try row.string("nothing") }
        #expect(throws: PostgresDecodingError(column: "“t”", problem: .wrongType(expected: "integer", found: 25))) {
            try row.int64("t")
        }
        #expect(throws: PostgresDecodingError.self) { try row.uuid("n") }
        #expect(throws: PostgresDecodingError.self) { try row.string("b") }
    }

    @Test func identifiersAndEpochs() async throws {
        let connection = try await connect()
        let id = DatabaseID.random()
        let row = try await connection.query(
            "SELECT $1::uuid AS id, $2::uuid[] AS ids, $3::int8 AS epoch, $4::uuid AS none",
            [.id(id), .array([id, .managerLease]), .epoch(Epoch(3)), PostgresValue(nil as DatabaseID?)])[0]
        #expect(try row.id("id") == id)
        #expect(try row.ids("ids") == [id, .managerLease])
        #expect(try row.epoch("epoch") == Epoch(3))
        #expect(try row.optionalID("none", as: DatabaseID.self) == nil)
    }

    @Test func affectedRowsAndEmptyResults() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int8)")
        #expect(try await connection.query("INSERT INTO t SELECT generate_series(1, 5)").affectedRows == 5)
        #expect(try await connection.query("UPDATE t SET n = 0 WHERE n > $1", [3]).affectedRows == 2)
        let none = try await connection.query("SELECT n FROM t WHERE n > 100")
        #expect(none.isEmpty && none.columns == ["n"])
    }

    @Test func aLargeBatchPassesInBothDirections() async throws {
        let connection = try await connect()
        let texts = (0..<20_000).map { "\($0)-" + String(repeating: "x", count: 200) }
        let rows = try await connection.query("SELECT x FROM unnest($1::text[]) x", [.array(texts)], timeout: .seconds(30))
        #expect(try rows.map { row in try row.string(0) } == texts)
    }
}

/// SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
