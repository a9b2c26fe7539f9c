import Engines
import FleetModel
import Testing

/// A client that may only read cannot change anything, whatever it says.
@Suite(.timeLimit(.minutes(2))) struct EngineReadOnlyTests {
    private static let readOnly = StatementLimits(isReadOnly: true)

    private static let changes = [
        "INSERT INTO t VALUES (9, 'x')", "UPDATE t SET b = 'x'", "DELETE FROM t", "DROP TABLE t", "CREATE TABLE u (a INTEGER)",
        "CREATE VIEW v2 AS SELECT 1", "ALTER TABLE t ADD COLUMN c INTEGER", "CREATE INDEX i ON t (b)", "CREATE TEMP TABLE x AS SELECT 1 AS a",
        "INSERT INTO t VALUES (9, 'x') RETURNING a", "WITH n AS (SELECT 9 AS a) INSERT INTO t SELECT a, 'x' FROM n",
        "INSERT INTO t SELECT a + 100, b FROM t", "DROP VIEW v",
    ]

    @Test(arguments: EngineUnderTest.all)
    func everyChangeIsBlocked(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { try $0.executeScript("INSERT INTO t VALUES (1, 'a'); CREATE VIEW v AS SELECT a FROM t; CREATE INDEX t_b ON t (b)", limits: .unlimited) }
        _ = try database.capture()
        for sql in Self.changes + tested.hiddenChanges {
            let connection = try database.takeConnection()
            do {
                let error = connection.error(sql, .none, Self.readOnly)
                #expect(error?.code == "BLOCKED", "\(sql): \(error.map(\.description) ?? "")")
                #expect(connection.isAutocommit)
                #expect(connection.cursorCode(sql, readOnly: true) == "BLOCKED", "\(sql)")
                let script = #expect(throws: SQLError.self, "\(sql)") {
                    try connection.executeScript("SELECT 1; \(sql); SELECT 2", limits: Self.readOnly)
                }
                #expect(script?.code == "BLOCKED")
                #expect(connection.isAutocommit)
                #expect(try connection.execute(SQLStatement("SELECT a FROM v"), limits: Self.readOnly).rows == [[.integer(1)]])
            }
            database.giveBack(connection)
        }
        #expect(try database.capture() == nil, "not one byte changed")
    }

    @Test(arguments: EngineUnderTest.all)
    func aTransactionOfAReader(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { try $0.run("INSERT INTO t VALUES (1, 'a')") }
        _ = try database.capture()
        for begin in ["BEGIN", "BEGIN TRANSACTION", "/* so */ begin"] {
            let connection = try database.takeConnection()
            func run(_ sql: String) throws -> [[SQLValue]] {
                try connection.execute(SQLStatement(sql), limits: Self.readOnly).rows
            }
            #expect(try run(begin) == [])
            #expect(!connection.isAutocommit)
            #expect(try run("SELECT a FROM t") == [[.integer(1)]])
            try bench.use(database) { try $0.run("UPDATE t SET b = 'meanwhile'") }
            _ = try database.capture()
            #expect(try run("SELECT b FROM t") == [[.text("a")]], "its snapshot")
            let cursor = try connection.open("SELECT a FROM t", readOnly: true)
            #expect(try connection.all(cursor) == [[.integer(1)]])
            #expect(connection.code("DELETE FROM t", .none, Self.readOnly) == "BLOCKED")
            if !connection.isAutocommit { _ = try? run("COMMIT") }
            #expect(connection.isAutocommit)
            // In a script, and ended by the next one.
            try connection.executeScript("\(begin); SELECT 1", limits: Self.readOnly)
            #expect(!connection.isAutocommit)
            #expect(throws: SQLError.self) { try connection.executeScript("DELETE FROM t", limits: Self.readOnly) }
            #expect(throws: SQLError.self) { try connection.executeScript("SELECT 1; DELETE FROM t", limits: Self.readOnly) }
            if !connection.isAutocommit { _ = try run("ROLLBACK") }
            database.giveBack(connection)
            // The next client of the same connection may write.
            try bench.use(database) { try $0.run("UPDATE t SET b = 'a'") }
            _ = try database.capture()
        }
        #expect(try bench.rows(database) == [[.integer(1), .text("a")]])
    }

    @Test(arguments: EngineUnderTest.all)
    func readingStaysPossible(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            try connection.run(tested.insert(1_000))
            for sql in [
                "SELECT count(*) FROM t", "WITH x AS (SELECT a FROM t) SELECT sum(a) FROM x", tested.kind == .sqlite ? "EXPLAIN QUERY PLAN SELECT a FROM t" : "EXPLAIN SELECT a FROM t", "VALUES (1)",
                "SELECT 'INSERT INTO t' AS \"delete from\" /* nextval */", tested.numbers(100),
            ] {
                #expect(connection.code(sql, .none, Self.readOnly) == nil, "\(sql)")
                #expect(connection.cursorCode(sql, readOnly: true) == nil, "\(sql)")
            }
            #expect(connection.code("SELECT nothing FROM t", .none, Self.readOnly) != "BLOCKED")
            #expect(connection.code(tested.endless, .none, StatementLimits(deadline: .now + .milliseconds(30), isReadOnly: true)) == tested.interrupted)
            #expect(connection.isAutocommit)
            try connection.run("DELETE FROM t")
        }
        #expect(try bench.rows(database) == [])
    }
}
