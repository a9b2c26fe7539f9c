@testable import Engines
import FleetModel
import Testing

@Suite(.timeLimit(.minutes(2))) struct DuckDBLimitTests {
    private static let endless = "SELECT count(*) FROM range(1000000000000) a(i) WHERE hash(i) = 7"
    let directory: TemporaryDirectory
    let database: DuckDBDatabase
    var connection: DuckDBConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try DuckDBDatabase(directory.file("a.db")) {
            $0.memoryBytes = 48 << 20
            $0.maximumTemporaryBytes = 8 << 20
            $0.maximumBytes = 8 << 20
            $0.maximumSQLBytes = 10_000
            $0.maximumValueBytes = 1_000
            $0.maximumExpressionDepth = 50
        }
    }

    @Test func theDeadlineStopsAnEndlessStatement() throws {
        let start = ContinuousClock.now
        let error = connection.error(Self.endless, .none, StatementLimits(deadline: .now + .milliseconds(50)))
        #expect(error?.code == "DUCKDB_INTERRUPT")
        #expect(error?.message.contains("longer") == true)
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(try connection.value("SELECT 1") == .integer(1), "and does not outlast its statement")
    }

    @Test func theDeadlineStopsAStatementThatHasAnswered() {
        // Rows come one chunk at a time, without end.
        let limits = StatementLimits(deadline: .now + .milliseconds(100))
        let statement = SQLStatement("SELECT i FROM range(1000000000000) r(i)", wantsRows: false)
        let error = #expect(throws: SQLError.self) { try connection.execute(statement, limits: limits) }
        #expect(error?.code == "DUCKDB_INTERRUPT")
    }

    @Test func aWriteThatIsStoppedChangesNothing() throws {
        try connection.run("CREATE TABLE t (a BIGINT)")
        #expect(connection.code("INSERT INTO t VALUES (1)", .none, StatementLimits(deadline: .now - .seconds(1))) == "DUCKDB_INTERRUPT")
        let limits = StatementLimits(deadline: .now + .milliseconds(50))
        #expect(connection.code("INSERT INTO t \(Self.endless)", .none, limits) == "DUCKDB_INTERRUPT")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
        try connection.run("BEGIN")
        #expect(connection.code(Self.endless, .none, StatementLimits(deadline: .now + .milliseconds(50))) == "DUCKDB_INTERRUPT")
        #expect(!connection.isAutocommit)
        try connection.run("ROLLBACK")
        #expect(connection.isAutocommit)
    }

    @Test func aScriptHasADeadlineToo() {
        let error = #expect(throws: SQLError.self) {
            try connection.executeScript("SELECT 1; \(Self.endless)", limits: StatementLimits(deadline: .now + .milliseconds(50)))
        }
        #expect(error?.code == "DUCKDB_INTERRUPT")
    }

    @Test func manyDeadlinesThatAreNotReached() throws {
        for _ in 0..<500 {
            _ = try connection.execute(SQLStatement("SELECT 1"), limits: StatementLimits(deadline: .now + .seconds(60)))
        }
    }

    @Test func tooManyRowsOrBytesAreRefused() {
        let ten = "SELECT i FROM range(10) r(i)"
        #expect(connection.code(ten, .none, StatementLimits(maximumRows: 9)) == "RESPONSE_TOO_LARGE")
        #expect(connection.code(ten, .none, StatementLimits(maximumRows: 10)) == nil)
        #expect(connection.code(ten, .none, StatementLimits(maximumResponseBytes: 79)) == "RESPONSE_TOO_LARGE")
        #expect(connection.code(ten, .none, StatementLimits(maximumResponseBytes: 80)) == nil)
        #expect(connection.code("SELECT repeat('x', 100)", .none, StatementLimits(maximumResponseBytes: 107)) == "RESPONSE_TOO_LARGE")
        #expect(connection.code("SELECT repeat('x', 100)", .none, StatementLimits(maximumResponseBytes: 108)) == nil)
    }

    @Test func aReturningThatIsTooLargeChangesNothing() throws {
        try connection.run("CREATE TABLE t (a INT)")
        let insert = "INSERT INTO t VALUES (1), (2), (3) RETURNING a"
        let inside = "WITH x AS (\(insert)) SELECT a FROM x"
        #expect(connection.code(inside, .none, StatementLimits(maximumRows: 2)) == "RESPONSE_TOO_LARGE")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
        #expect(connection.code(insert, .none, StatementLimits(maximumRows: 2)) == "RESPONSE_TOO_LARGE")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (9)")
        #expect(connection.code(insert, .none, StatementLimits(maximumRows: 2)) == "RESPONSE_TOO_LARGE")
        #expect(connection.isAutocommit, "without savepoints the whole transaction goes")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
        let result = try connection.execute(SQLStatement(insert), limits: StatementLimits(maximumRows: 3))
        #expect(result.rows.count == 3 && result.affectedRows == 3 && connection.isAutocommit)
    }

    @Test func aQueryThatExhaustsItsMemoryFailsAlone() throws {
        try connection.run("CREATE TABLE t AS SELECT 7 AS a")
        #expect(connection.code("SELECT list(i) FROM range(50000000) r(i)") == "DUCKDB_OUT_OF_MEMORY")
        // More than the temporary files may hold.
        let sort = SQLStatement("SELECT hash(i)::VARCHAR || repeat('y', 50) AS x FROM range(3000000) r(i) ORDER BY x", wantsRows: false)
        let error = #expect(throws: SQLError.self) { try connection.execute(sort) }
        #expect(error?.code == "DUCKDB_OUT_OF_MEMORY")
        let other = try database.makeConnection()
        #expect(try other.value("SELECT a FROM t") == .integer(7))
        try connection.run("INSERT INTO t VALUES (8)")
    }

    /// 160 MB of rows through 48 MB of memory.
    @Test func aLargeResultDoesNotAccumulate() throws {
        let result = try connection.execute(SQLStatement("SELECT i, i + 1 FROM range(10000000) r(i)", wantsRows: false))
        #expect(result.rowsRead == 10_000_000 && result.rows == [])
    }

    @Test func theQuotaHolds() throws {
        try connection.run("CREATE TABLE t (a VARCHAR)")
        var code: String?
        for _ in 0..<100 where code == nil {
            code = connection.code("INSERT INTO t SELECT md5(i::VARCHAR) FROM range(20000) r(i)")
        }
        #expect(code == "DUCKDB_FULL")
        #expect(try database.walBytes() < 16 << 20)
        try connection.run("DELETE FROM t")
        try connection.run("DROP TABLE t")
        try connection.runTrusted("CHECKPOINT")
        #expect(try connection.value("SELECT 1") == .integer(1))
    }

    /// The files do not shrink by it: what is free in them does not count, and a checkpoint makes it so.
    @Test(arguments: ["DELETE FROM t", "TRUNCATE t", "DROP TABLE t"]) func aFullDatabaseTakesRowsAgain(_ removal: String) throws {
        for sql in ["CREATE TABLE keep (a INT)", "CREATE TABLE t (a VARCHAR)"] { try connection.run(sql) }
        var rows = 20_000
        var code: String?
        while code == nil {
            code = connection.code("INSERT INTO t SELECT md5(i::VARCHAR) || md5((i * 7)::VARCHAR) FROM range(\(rows)) r(i)")
            // Small ones last: the log is short then.
            rows = max(2_000, rows / 2)
        }
        #expect(code == "DUCKDB_FULL")
        #expect(connection.code("INSERT INTO keep VALUES (1)") == "DUCKDB_FULL")
        #expect(try connection.value("SELECT count(*) FROM keep") == .integer(0))
        try connection.run(removal)
        try connection.run("INSERT INTO keep VALUES (1)")
        #expect(try connection.value("SELECT count(*) FROM keep") == .integer(1))
        #expect(try database.capture() != nil)
    }

    @Test func aLargeDeleteInAFullDatabase() throws {
        try connection.run("CREATE TABLE t (a BIGINT, b VARCHAR)")
        while connection.code("INSERT INTO t SELECT i, md5(i::VARCHAR) FROM range(60000) r(i)") == nil {}
        #expect(connection.code("INSERT INTO t VALUES (1, 'x')") == "DUCKDB_FULL")
        #expect(connection.code("DELETE FROM t WHERE hash(a) % 3 <> 0") == nil)
        #expect(connection.code("DELETE FROM t") == nil)
    }

    @Test func hardLimits() {
        #expect(connection.code("SELECT '" + String(repeating: "x", count: 10_000) + "'") == "DUCKDB_OBJECT_SIZE")
        #expect(connection.code("SELECT ?", .positional([.text(String(repeating: "x", count: 1_001))])) == "DUCKDB_OBJECT_SIZE")
        let deep = "SELECT " + String(repeating: "(1+", count: 100) + "1" + String(repeating: ")", count: 100)
        #expect(connection.code(deep) != nil)
    }
}
