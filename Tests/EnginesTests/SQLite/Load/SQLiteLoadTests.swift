import FleetModel
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct SQLiteLoadTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    var connection: SQLiteConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        var options = SQLiteOptions()
        options.maximumBytes = 400 * 4096
        options.maximumValueBytes = 100_000
        database = try SQLiteDatabase(path: directory.file("a.db"), options: options)
    }

    private func load(_ table: String, _ rows: [[SQLValue]], columns: [String]? = nil) throws(SQLError) {
        let loader = try connection.load(into: table, columns: columns)
        try loader.append(rows, deadline: nil)
        _ = try loader.finish(deadline: nil)
    }

    /// SQLite's own tables stay out of reach, as for every statement of a client.
    @Test func tablesOfSQLiteItself() throws {
        try connection.executeScript(
            "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (1); CREATE VIRTUAL TABLE f USING fts5(x); ANALYZE")
        for (table, columns) in [("sqlite_schema", 5), ("sqlite_master", 5), ("main.sqlite_schema", 5), ("f_data", 2), ("f_config", 2)] {
            let error = #expect(throws: SQLError.self, "\(table)") { try load(table, [[SQLValue](repeating: .integer(1), count: columns)]) }
            #expect(error?.code == "SQLITE_ERROR" || error?.code == "LOAD_TARGET_UNKNOWN", "\(table): \(error.map(\.description) ?? "")")
            #expect(connection.isAutocommit)
        }
        #expect(try connection.value("SELECT count(*) FROM f_config") == .integer(1))
        #expect(try connection.value("SELECT count(*) FROM sqlite_schema WHERE rootpage = 1 AND name = 1") == .integer(0))
    }

    @Test func aVirtualTableAndTriggers() throws {
        try connection.executeScript(
            """
            CREATE VIRTUAL TABLE f USING fts5(title, body); CREATE TABLE t (a INTEGER, b TEXT); CREATE TABLE log (a INTEGER);
            CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END
            """)
        try load("f", [[.text("one"), .text("the quick fox")], [.text("two"), .text("the lazy dog")]])
        #expect(try connection.value("SELECT title FROM f WHERE f MATCH 'lazy'") == .text("two"))
        try load("t", [[.integer(1), .text("x")], [.integer(2), .null]])
        #expect(try connection.value("SELECT sum(a) FROM log") == .integer(3))
    }

    @Test func whatFailsOnlyAtTheEnd() throws {
        try connection.executeScript(
            """
            PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);
            CREATE TABLE c (p INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)
            """)
        let loader = try connection.load(into: "c", columns: nil)
        try loader.append([[.integer(1)]], deadline: nil)
        let error = #expect(throws: SQLError.self) { try loader.finish(deadline: nil) }
        #expect(error?.code == "SQLITE_CONSTRAINT_FOREIGNKEY")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM c") == .integer(0))
    }

    /// A full database rolls back the transaction, also the caller's.
    @Test(arguments: [false, true]) func theQuota(_ inTransaction: Bool) throws {
        try connection.run("CREATE TABLE t (a INTEGER, b BLOB)")
        if inTransaction { try connection.run("BEGIN") }
        let rows = (0..<1_000).map { [SQLValue.integer($0), .blob([UInt8](repeating: 1, count: 5_000))] }
        let error = #expect(throws: SQLError.self) { try load("t", rows) }
        #expect(error?.code == "SQLITE_FULL")
        #expect(error?.message.hasPrefix("row ") == true)
        if !connection.isAutocommit { try connection.run("ROLLBACK") }
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
        let large = #expect(throws: SQLError.self) { try load("t", [[.integer(1), .blob([UInt8](repeating: 1, count: 200_000))]]) }
        #expect(large?.code == "SQLITE_TOOBIG")
        #expect(connection.isAutocommit)
    }

    /// One that fails, or is given up, inside a transaction is undone alone.
    @Test func insideATransaction() throws {
        try connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        let error = #expect(throws: SQLError.self) { try load("t", [[.integer(2)], [.integer(3)], [.integer(1)]]) }
        #expect(error?.message.hasPrefix("row 3: ") == true)
        #expect(!connection.isAutocommit)
        let abandoned = try connection.load(into: "t", columns: nil)
        try abandoned.append([[.integer(2)]], deadline: nil)
        abandoned.abandon()
        let late = try connection.load(into: "t", columns: nil)
        #expect(throws: SQLError.self) { try late.append([[.integer(2)]], deadline: .now - .seconds(1)) }
        #expect(!connection.isAutocommit)
        try load("t", [[.integer(7)]])
        try connection.run("COMMIT")
        #expect(try connection.run("SELECT a FROM t ORDER BY a").rows == [[.integer(1)], [.integer(7)]])
    }

    /// Its savepoint is gone, so it cannot be undone alone: what it began in is undone with it.
    @Test func oneThatCannotBeUndoneAlone() throws {
        try connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        let loader = try connection.load(into: "t", columns: nil)
        try loader.append([[.integer(2)]], deadline: nil)
        try connection.runTrusted("RELEASE \"berth: a load\"")
        loader.abandon()
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
    }

    @Test func anotherWriterIsInTheWay() throws {
        try connection.run("CREATE TABLE t (a INTEGER)")
        let other = try database.makeConnection()
        try other.run("BEGIN IMMEDIATE")
        let error = #expect(throws: SQLError.self) { try connection.load(into: "t", columns: nil) }
        #expect(error?.code == "SQLITE_BUSY")
        try other.run("ROLLBACK")
        try load("t", [[.integer(1)]])
    }

    /// A reader's connection can be given to one who loads.
    @Test func afterReadingOnly() throws {
        try connection.run("CREATE TABLE t (a INTEGER)")
        _ = try connection.execute(SQLStatement("SELECT a FROM t"), limits: StatementLimits(isReadOnly: true))
        try load("t", [[.integer(1)]])
        #expect(try connection.value("SELECT a FROM t") == .integer(1))
    }
}
