@testable import Engines
import Changesets
import FleetModel
import Testing

@Suite(.timeLimit(.minutes(3))) struct DuckDBLoadTests {
    let directory: TemporaryDirectory
    let database: DuckDBDatabase
    var connection: DuckDBConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try DuckDBDatabase(directory.file("a.db"))
    }

    private func load(_ table: String, _ rows: [[SQLValue]], columns: [String]? = nil) throws(SQLError) {
        let loader = try connection.load(into: table, columns: columns)
        try loader.append(rows, deadline: nil)
        _ = try loader.finish(deadline: nil)
    }

    /// Every type, from its text: as INSERT casts it.
    @Test(arguments: [
        ("BOOLEAN", "true"), ("TINYINT", "-128"), ("SMALLINT", "-1"), ("INTEGER", "42"), ("BIGINT", "9223372036854775807"), ("UTINYINT", "255"),
        ("USMALLINT", "1"), ("UINTEGER", "4294967295"), ("UBIGINT", "18446744073709551615"), ("HUGEINT", "-170141183460469231731687303715884105728"),
        ("UHUGEINT", "340282366920938463463374607431768211455"), ("FLOAT", "1.5"), ("DOUBLE", "1e300"), ("DECIMAL(4,1)", "123.4"),
        ("DECIMAL(18,3)", "123456789012345.678"), ("DECIMAL(38,10)", "-1234567890123456789012345678.0123456789"), ("VARCHAR", "text"), ("BLOB", "\\x00\\xFFab"),
        ("DATE", "2024-02-29"), ("TIME", "12:34:56.789"), ("TIMESTAMP", "2024-02-29 12:34:56.789"), ("TIMESTAMP_S", "2024-02-29 12:34:56"),
        ("TIMESTAMP_MS", "2024-02-29 12:34:56.789"), ("TIMESTAMP_NS", "2024-02-29 12:34:56.789123456"), ("TIMESTAMPTZ", "2024-02-29 12:34:56+05:30"),
        ("TIMETZ", "12:34:56+05:30"), ("INTERVAL", "1 year 2 days 03:04:05"), ("UUID", "8f3c2a10-1234-5678-9abc-def012345678"), ("BIT", "010101"),
        ("ENUM('a', 'it''s')", "it's"), ("INTEGER[]", "[1, NULL, 3]"), ("INTEGER[2]", "[1, 2]"), ("STRUCT(a INTEGER, \"b c\" VARCHAR)", "{'a': 1, 'b c': x}"),
        ("MAP(VARCHAR, INTEGER)", "{k=1}"), ("UNION(n INTEGER, s VARCHAR)", "x"), ("JSON", "{\"a\": [1, 2]}"), ("BIGNUM", "123456789012345678901234567890123456789012345"),
        ("VARIANT", "x"), ("GEOMETRY", "POINT (1 2)"), ("TIMESTAMPTZ_NS", "2024-02-29 12:34:56.789123456+00"), ("STRUCT(u UNION(n INTEGER, s VARCHAR))", "{'u': x}"),
    ])
    func typesFromTheirTexts(_ type: String, _ text: String) throws {
        try connection.run("CREATE TABLE v (n INTEGER, x \(type))")
        try connection.run("CREATE TABLE w (n INTEGER, x \(type))")
        try load("v", [[.integer(1), .text(text)], [.integer(2), .null], [.integer(3), .text(text)]])
        for number in [1, 3] { try connection.run("INSERT INTO w VALUES (?, ?)", .integer(Int64(number)), .text(text)) }
        try connection.run("INSERT INTO w VALUES (2, NULL)")
        let sql = "SELECT n, CAST(x AS VARCHAR), typeof(x) FROM % ORDER BY n"
        #expect(try connection.run(sql.replacing("%", with: "v")).rows == connection.run(sql.replacing("%", with: "w")).rows)
        // Among values of other classes as well, each is cast from what it is.
        let others: [SQLValue] = [.integer(1), .real(1.5), .blob([1, 2])].filter {
            (try? connection.run("INSERT INTO w VALUES (4, ?)", $0)) != nil
        }
        try load("v", [[.integer(4), .text(text)]] + others.map { [.integer(4), $0] })
        try connection.run("INSERT INTO w VALUES (4, ?)", .text(text))
        let mixed = "SELECT CAST(x AS VARCHAR) AS x FROM % WHERE n = 4 ORDER BY x"
        #expect(try connection.run(mixed.replacing("%", with: "v")).rows == connection.run(mixed.replacing("%", with: "w")).rows)
    }

    @Test(arguments: [
        ("INTEGER", SQLValue.text("no number"), "DUCKDB_CONVERSION"), ("TINYINT", .integer(128), "DUCKDB_CONVERSION"), ("DECIMAL(4,1)", .text("12345"), "DUCKDB_CONVERSION"),
        ("DECIMAL(4,1)", .integer(12345), "DUCKDB_CONVERSION"), ("DATE", .text("2024-02-30"), "DUCKDB_CONVERSION"), ("ENUM('a')", .text("b"), "DUCKDB_CONVERSION"),
        ("JSON", .text("{"), "DUCKDB_CONVERSION"), ("DATE", .integer(1), "DUCKDB_CONVERSION"), ("INTEGER CHECK (x > 5)", .integer(1), "DUCKDB_CONSTRAINT"),
    ])
    func valuesThatDoNotFit(_ type: String, _ value: SQLValue, _ code: String) throws {
        try connection.run("CREATE TABLE v (n INTEGER, x \(type))")
        let good: [SQLValue] = [.integer(1), .null]
        let error = #expect(throws: SQLError.self) { try load("v", [good, good, [.integer(1), value]]) }
        let inserted = connection.error("INSERT INTO v VALUES (1, ?)", .positional([value]))
        #expect(error?.code == inserted?.code)
        #expect(error?.code == code || code == "DUCKDB_CONVERSION" && error != nil, "\(error.map(\.description) ?? "")")
        #expect(error?.message.contains("(in the rows 1 to 3)") == true, "\(error.map(\.description) ?? "")")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM v") == .integer(0))
        try load("v", [good])
    }

    @Test func keysAndDefaultsThatAreNoConstants() throws {
        try connection.executeScript(
            """
            CREATE SEQUENCE s; CREATE SCHEMA other; CREATE TABLE other.parent (id INTEGER PRIMARY KEY); INSERT INTO other.parent VALUES (1);
            CREATE TABLE other.child (id BIGINT DEFAULT nextval('s'), parent INTEGER REFERENCES other.parent (id), made TIMESTAMP DEFAULT now(), u INTEGER UNIQUE)
            """)
        try load("other.child", [[.integer(1), .integer(1)], [.null, .integer(2)]], columns: ["parent", "u"])
        #expect(try connection.run("SELECT id, parent, made IS NULL FROM other.child ORDER BY id").rows == [[.integer(1), .integer(1), .integer(0)], [.integer(2), .null, .integer(0)]])
        let orphan = #expect(throws: SQLError.self) { try load("other.child", [[.integer(7), .integer(3)]], columns: ["parent", "u"]) }
        #expect(orphan?.code == "DUCKDB_CONSTRAINT")
        #expect(orphan?.message.contains("foreign key") == true)
        let twice = #expect(throws: SQLError.self) { try load("other.child", [[.integer(1), .integer(9)], [.integer(1), .integer(9)]], columns: ["parent", "u"]) }
        #expect(twice?.code == "DUCKDB_CONSTRAINT")
        #expect(throws: SQLError.self, "not in the path") { try connection.load(into: "child", columns: nil) }
        try connection.run("USE other")
        try load("child", [[.integer(1), .integer(10)]], columns: ["parent", "u"])
        #expect(try connection.value("SELECT count(*) FROM other.child") == .integer(3))
    }

    @Test func theQuotaHoldsWhileLoading() throws {
        let small = try DuckDBDatabase(directory.file("small.db")) { $0.maximumBytes = 8 << 20 }
        try small.primary.run("CREATE TABLE t (a BIGINT, b VARCHAR)")
        _ = try small.capture()
        let loader = try small.primary.load(into: "t", columns: nil)
        var random = SystemRandomNumberGenerator()
        var loaded = 0
        let error = #expect(throws: SQLError.self) {
            while loaded < 4_000_000 {
                try loader.append((0..<10_000).map { _ in [.integer(Int64.random(in: 0 ... .max, using: &random)), .text("\(UInt64.random(in: 0 ... .max, using: &random))")] }, deadline: nil)
                loaded += 10_000
            }
            _ = try loader.finish(deadline: nil)
        }
        #expect(error?.code == "DUCKDB_FULL")
        #expect(small.primary.isAutocommit)
        let size = try #require(try FileSystem.size(small.path))
        #expect(size < 32 << 20, "\(size)")
        #expect(try small.capture() == nil)
        #expect(try small.primary.value("SELECT count(*) FROM t") == .integer(0))
    }

    @Test func theDeadlineStopsALoad() throws {
        try connection.run("CREATE TABLE t (a BIGINT PRIMARY KEY, b VARCHAR)")
        let loader = try connection.load(into: "t", columns: nil)
        let deadline = BootInstant.now + .milliseconds(300)
        var start: Int64 = 0
        let error = #expect(throws: SQLError.self) {
            while BootInstant.now < deadline + .seconds(60) {
                try loader.append((start..<start + 20_000).map { [.integer($0), .text("row")] }, deadline: deadline)
                start += 20_000
            }
        }
        #expect(error?.code == "DUCKDB_INTERRUPT")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
    }

    /// Wide rows are inserted long before there is a row group of them.
    @Test func memoryDoesNotGrowWithTheRows() throws {
        try connection.run("CREATE TABLE t (a BIGINT, b VARCHAR)")
        let text = String(repeating: "x", count: 1_000)
        let before = try ResidentMemory.bytes()
        var largest = 0
        let loader = try connection.load(into: "t", columns: nil)
        for start in stride(from: 0 as Int64, to: 1_000_000, by: 10_000) {
            try loader.append((start..<start + 10_000).map { [.integer($0), .text(text + "\($0)")] }, deadline: nil)
            largest = max(largest, try ResidentMemory.bytes())
        }
        #expect(try loader.finish(deadline: nil) == 1_000_000)
        #expect(largest - before < 600 << 20, "1 GB in all; grew by \((largest - before) >> 20) MiB")
        #expect(try connection.value("SELECT count(*) FROM t WHERE length(b) = 1000 + length(a::VARCHAR)") == .integer(1_000_000))
    }

    /// Row groups written to the file, and then a load that is given up.
    @Test func aLoadThatIsGivenUpLeavesNothingToCapture() throws {
        try connection.run("CREATE TABLE t (a BIGINT)")
        var sets = [try #require(try database.capture()).pages]
        let rows: [[SQLValue]] = (0..<400_000).map { [.integer(Int64(bitPattern: UInt64(truncatingIfNeeded: $0 &* 0x9E37_79B9_7F4A_7C15)))] }
        let first = try connection.load(into: "t", columns: nil)
        try first.append(rows, deadline: nil)
        #expect(try database.capture() == nil)
        first.abandon()
        #expect(try database.capture() == nil)
        // The same blocks once more.
        try load("t", rows)
        sets.append(try #require(try database.capture()).pages)
        #expect(try DuckDBReplica(sets, in: directory).dump() == connection.dump())
    }
}
