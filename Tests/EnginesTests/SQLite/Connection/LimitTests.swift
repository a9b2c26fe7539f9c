import Engines
import FleetModel
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct LimitTests {
    private static let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    var connection: SQLiteConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        var options = SQLiteOptions()
        options.maximumBytes = 200 * 4096
        options.maximumTemporaryBytes = 100 * 4096
        options.maximumValueBytes = 1 << 20
        options.maximumSQLBytes = 10_000
        options.maximumColumns = 10
        options.maximumExpressionDepth = 20
        options.maximumOperations = 5_000
        database = try SQLiteDatabase(path: directory.file("a.db"), options: options)
    }

    private func error(_ sql: String, _ limits: StatementLimits) -> SQLError? {
        do throws(SQLError) {
            _ = try connection.execute(SQLStatement(sql), limits: limits)
            return nil
        } catch { return error }
    }

    @Test func theDeadlineStopsAnEndlessStatement() throws {
        let limits = StatementLimits(deadline: .now + .milliseconds(30))
        let error = error(Self.endless + " SELECT count(*) FROM n", limits)
        #expect(error?.code == "SQLITE_INTERRUPT")
        #expect(error?.message.contains("longer") == true)
        #expect(try connection.value("SELECT 1") == .integer(1), "and does not outlast its statement")
    }

    @Test func aDeadlineThatHasPassedStopsBeforeTheStart() throws {
        try connection.run("CREATE TABLE t (a)")
        let limits = StatementLimits(deadline: .now - .seconds(1))
        #expect(error("INSERT INTO t VALUES (1)", limits)?.code == "SQLITE_INTERRUPT")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
    }

    @Test func anInterruptedWriteRollsBackItsTransaction() throws {
        try connection.run("CREATE TABLE t (a)")
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        let limits = StatementLimits(deadline: .now + .milliseconds(30))
        #expect(error("DELETE FROM t WHERE a = (\(Self.endless) SELECT count(*) FROM n)", limits)?.code == "SQLITE_INTERRUPT")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
    }

    @Test func aScriptHasADeadlineToo() {
        let error = #expect(throws: SQLError.self) {
            try connection.executeScript(
                "SELECT 1; \(Self.endless) SELECT count(*) FROM n", limits: StatementLimits(deadline: .now + .milliseconds(30)))
        }
        #expect(error?.code == "SQLITE_INTERRUPT")
    }

    @Test func anotherThreadCanInterrupt() throws {
        let interrupter = connection.interrupter
        let thread = Thread { while !Thread.current.isCancelled { interrupter.interrupt() } }
        thread.start()
        defer { thread.cancel() }
        let error = error(Self.endless + " SELECT count(*) FROM n", .unlimited)
        #expect(error?.code == "SQLITE_INTERRUPT")
        #expect(error?.message.contains("interrupted") == true)
        database.close()
        interrupter.interrupt()
    }

    @Test func tooManyRowsOrBytesAreRefused() throws {
        let ten = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)"
        #expect(error("\(ten) SELECT i FROM n", StatementLimits(maximumRows: 9))?.code == "RESPONSE_TOO_LARGE")
        #expect(error("\(ten) SELECT i FROM n", StatementLimits(maximumRows: 10)) == nil)
        #expect(error("\(ten) SELECT i FROM n", StatementLimits(maximumResponseBytes: 79))?.code == "RESPONSE_TOO_LARGE")
        #expect(error("\(ten) SELECT i FROM n", StatementLimits(maximumResponseBytes: 80)) == nil)
        #expect(error("SELECT zeroblob(100)", StatementLimits(maximumResponseBytes: 107))?.code == "RESPONSE_TOO_LARGE")
        #expect(error("SELECT zeroblob(100)", StatementLimits(maximumResponseBytes: 108)) == nil)
    }

    @Test func aReturningThatIsTooLargeChangesNothing() throws {
        try connection.run("CREATE TABLE t (a)")
        let insert = "INSERT INTO t VALUES (1), (2), (3) RETURNING a"
        #expect(error(insert, StatementLimits(maximumRows: 2))?.code == "RESPONSE_TOO_LARGE")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))

        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (9)")
        #expect(error(insert, StatementLimits(maximumRows: 2))?.code == "RESPONSE_TOO_LARGE")
        #expect(!connection.isAutocommit)
        try connection.run("COMMIT")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
        let result = try connection.execute(SQLStatement(insert), limits: StatementLimits(maximumRows: 3))
        #expect(result.rows.count == 3 && result.affectedRows == 3 && connection.isAutocommit)
    }

    @Test func aConstraintInsideALimitedReturningIsReportedAsItself() throws {
        try connection.run("CREATE TABLE t (a UNIQUE)")
        #expect(
            error("INSERT OR ROLLBACK INTO t VALUES (1), (1) RETURNING a", StatementLimits(maximumRows: 9))?.code
                == "SQLITE_CONSTRAINT_UNIQUE")
        #expect(connection.isAutocommit)
    }

    @Test func theQuotaHolds() throws {
        try connection.run("CREATE TABLE t (a)")
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT zeroblob(4000) FROM n"
        #expect(connection.code(fill) == "SQLITE_FULL")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
        let other = try database.makeConnection()
        #expect(other.code(fill) == "SQLITE_FULL")
    }

    @Test func temporaryTablesHaveAQuotaOfTheirOwn() throws {
        try connection.run("CREATE TEMP TABLE x (a)")
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO x SELECT zeroblob(4000) FROM n"
        #expect(connection.code(fill) == "SQLITE_FULL")
    }

    @Test(arguments: [
        ("SELECT zeroblob(1048577)", "SQLITE_TOOBIG"), ("SELECT '" + String(repeating: "x", count: 10_000) + "'", "SQLITE_TOOBIG"),
        ("SELECT 1,2,3,4,5,6,7,8,9,10,11", "SQLITE_ERROR"),
        ("SELECT " + String(repeating: "(1+", count: 30) + "1" + String(repeating: ")", count: 30), "SQLITE_ERROR"),
        ("CREATE TABLE t (a,b,c,d,e,f,g,h,i,j,k)", "SQLITE_ERROR"),
        ("VALUES " + Array(repeating: "(1,2,3,4,5,6,7,8,9)", count: 480).joined(separator: ",") , "SQLITE_NOMEM"),
    ])
    func hardLimits(_ sql: String, _ code: String) { #expect(connection.code(sql) == code) }
}
