@testable import Engines
import FleetModel
import Testing

/// The texts of values are DuckDB's own, and so are the names of types.
@Suite struct DuckDBTypesTests {
    let directory: TemporaryDirectory
    let connection: DuckDBConnection
    private let database: DuckDBDatabase

    init() throws {
        directory = try TemporaryDirectory()
        database = try DuckDBDatabase(directory.file("a.db"))
        connection = database.primary
    }

    @Test(arguments: [
        "170141183460469231731687303715884105727::HUGEINT", "(-170141183460469231731687303715884105728)::HUGEINT", "0::HUGEINT",
        "340282366920938463463374607431768211455::UHUGEINT", "18446744073709551615::UBIGINT",
        "0.00::DECIMAL(4,2)", "-0.01::DECIMAL(4,2)", "123.45::DECIMAL(9,2)", "-1.5::DECIMAL(18,3)", "99999999999999999999.123456789::DECIMAL(38,9)",
        "12::DECIMAL(4,0)",
        "DATE '2024-02-29'", "DATE '0001-01-01'", "DATE '0044-03-15 (BC)'", "DATE '-infinity'", "DATE 'infinity'", "DATE '1969-12-31'",
        "DATE '12024-12-31'", "DATE '1900-03-01'", "DATE '2000-03-01'",
        "TIME '00:00:00'", "TIME '23:59:59.999999'", "TIME '12:34:56.5'", "TIME '24:00:00'",
        "TIMETZ '12:00:00+00'", "TIMETZ '12:00:00.25-05:30'", "TIMETZ '01:02:03+15:59:59'",
        "TIMESTAMP '2024-02-29 12:34:56'", "TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMP 'infinity'", "TIMESTAMP '-infinity'",
        "TIMESTAMP '0044-03-15 (BC) 01:02:03.4'", "'2024-01-01 00:00:00'::TIMESTAMP_S", "'2024-01-01 00:00:00.12'::TIMESTAMP_MS",
        "'1960-01-01 00:00:00.123456789'::TIMESTAMP_NS", "TIMESTAMPTZ '2024-06-01 12:00:00.1+02'", "TIMESTAMPTZ 'infinity'",
        "INTERVAL '0 days'", "INTERVAL '1 year 1 month 1 day'", "INTERVAL '-14 months 3 days'", "INTERVAL '-1 day -2 hours'", "INTERVAL '100 hours 0.5 seconds'",
        "INTERVAL '-0.000001 seconds'",
        "UUID '00000000-0000-0000-0000-000000000000'", "UUID 'ffffffff-ffff-ffff-ffff-ffffffffffff'", "UUID '8f3c2a10-0bad-4fee-8123-0123456789ab'",
        "'1'::BIT", "'0101010101'::BIT", "'11111111'::BIT", "'a'::ENUM('a','b')", "'it''s'::ENUM('x','it''s')",
        "'{\"a\": [1, 2]}'::JSON", "'short'", "'exactly 12 b'", "'thirteen byte'", "''",
    ])
    func textIsDuckDBsOwn(_ expression: String) throws {
        let row = try #require(try connection.run("SELECT \(expression) AS x, CAST(\(expression) AS VARCHAR), typeof(\(expression))").rows.first)
        guard case .text = row[0] else {
            Issue.record("not a text: \(row[0])")
            return
        }
        #expect(row[0] == row[1])
        let type = try connection.run("SELECT \(expression) AS x").columns[0].declaredType
        #expect(type.map { .text($0) } == row[2])
    }

    @Test(arguments: [
        ("true", SQLValue.integer(1), "BOOLEAN"), ("false", .integer(0), "BOOLEAN"), ("(-128)::TINYINT", .integer(-128), "TINYINT"),
        ("(-32768)::SMALLINT", .integer(-32768), "SMALLINT"), ("(-2147483648)::INTEGER", .integer(-2_147_483_648), "INTEGER"),
        ("(-9223372036854775808)::BIGINT", .integer(.min), "BIGINT"), ("255::UTINYINT", .integer(255), "UTINYINT"),
        ("65535::USMALLINT", .integer(65535), "USMALLINT"), ("4294967295::UINTEGER", .integer(4_294_967_295), "UINTEGER"),
        ("9223372036854775807::UBIGINT", .integer(.max), "UBIGINT"), ("1.5::FLOAT", .real(1.5), "FLOAT"), ("1e300::DOUBLE", .real(1e300), "DOUBLE"),
        ("'\\x00\\xFF'::BLOB", .blob([0, 255]), "BLOB"), ("NULL::DATE", .null, "DATE"), ("NULL::INTEGER[]", .null, "INTEGER[]"),
    ])
    func valuesWithAClassOfTheirOwn(_ expression: String, _ value: SQLValue, _ type: String) throws {
        let result = try connection.run("SELECT \(expression) AS x")
        #expect(result.rows == [[value]])
        #expect(result.columns[0].declaredType == type)
    }

    @Test(arguments: [
        ("[1, NULL, 3]", "[1,null,3]", "INTEGER[]"), ("[]::INTEGER[]", "[]", "INTEGER[]"), ("[[1], [], NULL]", "[[1],[],null]", "INTEGER[][]"),
        ("{'a': 1, 'b c': 'x\"y'}", #"{"a":1,"b c":"x\"y"}"#, #"STRUCT(a INTEGER, "b c" VARCHAR)"#),
        ("MAP {'k': 1, 'l': NULL}", #"{"k":1,"l":null}"#, "MAP(VARCHAR, INTEGER)"), ("MAP {1: DATE '2024-01-01'}", #"{"1":"2024-01-01"}"#, "MAP(INTEGER, DATE)"),
        ("[1, 2, 3]::INTEGER[3]", "[1,2,3]", "INTEGER[3]"), ("[1.50, 2.25]::DECIMAL(5,2)[]", "[1.50,2.25]", "DECIMAL(5,2)[]"),
        ("union_value(num := 2)", #"{"num":2}"#, "UNION(num INTEGER)"),
        ("'x'::UNION(num INTEGER, str VARCHAR)", #"{"str":"x"}"#, "UNION(num INTEGER, str VARCHAR)"),
        ("['{\"a\":1}'::JSON]", #"[{"a":1}]"#, "JSON[]"), ("[true, false]", "[true,false]", "BOOLEAN[]"),
        ("['line\nbreak', '\\']", #"["line\nbreak","\\"]"#, "VARCHAR[]"), ("[{'a': [MAP {'x': 1.5::DOUBLE}]}]", #"[{"a":[{"x":1.5}]}]"#, "STRUCT(a MAP(VARCHAR, DOUBLE)[])[]"),
        ("['nan'::DOUBLE]", #"["nan"]"#, "DOUBLE[]"),
    ])
    func nestedValuesAreJSON(_ expression: String, _ json: String, _ type: String) throws {
        let result = try connection.run("SELECT \(expression) AS x, typeof(\(expression))")
        #expect(result.rows[0][0] == .text(json))
        #expect(result.columns[0].declaredType == type)
        #expect(result.rows[0][1] == .text(type))
    }

    /// Many rows, of which some are NULL, over several chunks.
    @Test func rowsOfManyChunks() throws {
        let result = try connection.run(
            """
            SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE i::VARCHAR || ' and some more text' END,
              CASE WHEN i % 5 = 0 THEN NULL ELSE [i, i + 1] END, (i % 7)::UTINYINT FROM range(10000) t(i)
            """)
        #expect(result.rows.count == 10_000)
        let wrong = result.rows.enumerated().first { number, row in
            row[0] != .integer(Int64(number))
                || row[1] != (number % 3 == 0 ? .null : .text("\(number) and some more text"))
                || row[2] != (number % 5 == 0 ? .null : .text("[\(number),\(number + 1)]"))
                || row[3] != .integer(Int64(number % 7))
        }
        #expect(wrong == nil)
    }

    @Test func aLargeEnum() throws {
        try connection.run("CREATE TYPE e AS ENUM (SELECT 'v' || i FROM range(1000) t(i))")
        #expect(try connection.run("SELECT 'v0'::e, 'v999'::e").rows == [[.text("v0"), .text("v999")]])
    }

    /// Those that DuckDB itself makes texts of.
    @Test(arguments: [
        ("123456789012345678901234567890123456789012345678901234567890::BIGNUM", "BIGNUM"), ("(-7)::BIGNUM", "BIGNUM"),
        ("'POINT (1 2)'::GEOMETRY", "GEOMETRY"), ("1.5::DECIMAL(4,2)::VARIANT", "VARIANT"), ("{'a': [1, 2], 'b': DATE '2020-01-01'}::VARIANT", "VARIANT"),
        ("'x'::VARIANT", "VARIANT"), ("'2024-02-29 12:34:56.123456789+02'::TIMESTAMPTZ_NS", "TIMESTAMPTZ_NS"),
    ])
    func typesWithoutALayoutOfTheirOwn(_ expression: String, _ type: String) throws {
        for sql in ["SELECT % AS x, i FROM range(3) r(i) ORDER BY i DESC", "/* ; */ WITH w AS (SELECT % AS x) SELECT x, i FROM w, range(3) r(i) ORDER BY i DESC ; "] {
            let result = try connection.run(sql.replacing("%", with: expression))
            let text = try #require(try connection.value("SELECT CAST(\(expression) AS VARCHAR)"))
            #expect(result.rows == [[text, .integer(2)], [text, .integer(1)], [text, .integer(0)]])
            #expect(result.columns == [SQLResult.Column(name: "x", declaredType: type), SQLResult.Column(name: "i", declaredType: "BIGINT")])
            #expect(try connection.describe(sql.replacing("%", with: expression)).columns == result.columns)
            let cursor = try connection.open(sql.replacing("%", with: expression))
            #expect(cursor.columns == result.columns)
            #expect(try connection.all(cursor) == result.rows)
        }
        #expect(try connection.run("SELECT x, x, ?::INTEGER FROM (SELECT \(expression) AS x WHERE ? = 2)", .integer(1), .integer(2)).rows.first?.last == .integer(1))
        #expect(try connection.value("SELECT NULL::\(type)") == .null)
        // What an argument is shows only when it is bound.
        let undecided = try connection.run("SELECT ?, \(expression) AS x, ?", .integer(1), .text("y"))
        #expect(undecided.rows == [[.integer(1), try #require(try connection.value("SELECT CAST(\(expression) AS VARCHAR)")), .text("y")]])
        #expect(undecided.columns[1] == SQLResult.Column(name: "x", declaredType: type))
    }

    @Test(arguments: [
        ("[123456789012345678901234567890::BIGNUM, NULL]", "[123456789012345678901234567890,null]", "BIGNUM[]"),
        ("{'g': 'POINT (1 2)'::GEOMETRY}", #"{"g":"POINT (1 2)"}"#, "STRUCT(g GEOMETRY)"), ("[1::VARIANT, 'x'::VARIANT]", #"[1,"x"]"#, "VARIANT[]"),
        ("(SELECT tuple FROM test_all_types() LIMIT 1 OFFSET 1)", #"[42,"🦆🦆🦆🦆🦆🦆"]"#, "TUPLE(INTEGER, VARCHAR)"),
        ("(SELECT empty_struct FROM test_all_types() LIMIT 1)", "{}", "STRUCT"),
    ])
    func thoseInsideOthers(_ expression: String, _ json: String, _ type: String) throws {
        let result = try connection.run("SELECT \(expression) AS x")
        #expect(result.rows == [[.text(json)]])
        #expect(result.columns[0].declaredType == type)
    }

    /// A statement that was prepared before.
    @Test func aTableThatGetsSuchAColumn() throws {
        try connection.executeScript("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)")
        let other = try database.makeConnection()
        for client in [connection, other] { #expect(try client.run("SELECT * FROM t").rows == [[.integer(1)]]) }
        try connection.run("ALTER TABLE t ADD COLUMN v VARIANT DEFAULT 'x'::VARIANT")
        for client in [connection, other] {
            #expect(try client.run("SELECT * FROM t").rows == [[.integer(1), .text("x")]])
            #expect(try client.all(client.open("SELECT * FROM t")) == [[.integer(1), .text("x")]])
        }
        try connection.run("ALTER TABLE t DROP COLUMN v")
        for client in [connection, other] { #expect(try client.run("SELECT * FROM t").rows == [[.integer(1)]]) }
        // What a write answers cannot be cast.
        try connection.run("CREATE TABLE v (x VARIANT)")
        #expect(connection.code("INSERT INTO v VALUES (1) RETURNING x") == "DUCKDB_NOT_IMPLEMENTED")
        #expect(connection.cursorCode("INSERT INTO v VALUES (1) RETURNING x") == "DUCKDB_NOT_IMPLEMENTED")
        #expect(try connection.value("SELECT count(*) FROM v") == .integer(0), "and so it is not carried out")
        _ = connection.code("WITH i AS (INSERT INTO v VALUES (7) RETURNING x) SELECT x FROM i")
        #expect(try connection.value("SELECT count(*) <= 1 FROM v") == .integer(1), "never twice")
        try connection.run("DELETE FROM v")
        #expect(try connection.run("INSERT INTO v VALUES (1) RETURNING x::VARCHAR").rows == [[.text("1")]])
        #expect(connection.isAutocommit)
    }

    @Test func everyTypeDuckDBHasIsAnswered() throws {
        for column in try connection.run("SELECT column_name, column_type FROM (DESCRIBE FROM test_all_types())").rows {
            guard case .text(let name) = column[0], case .text(let type) = column[1] else { continue }
            let result = try connection.run("SELECT \"\(name)\", CAST(\"\(name)\" AS VARCHAR), typeof(\"\(name)\") FROM test_all_types()")
            // Enums of many values are checked elsewhere; keywords among names of fields are quoted in DuckDB's own.
            if !type.hasPrefix("ENUM") && !type.hasPrefix("UNION") { #expect(result.columns[0].declaredType == type) }
            let isNested = type.contains("[") || type.contains("(") && !type.hasPrefix("DECIMAL") && !type.hasPrefix("ENUM") || type.hasPrefix("STRUCT")
            guard !isNested else { continue }
            for row in result.rows {
                if case .text = row[0] { #expect(row[0] == row[1], "\(name)") }
                #expect((row[0] == .null) == (row[1] == .null))
            }
        }
    }
}
