@testable import Engines
import FleetModel
import Testing

@Suite struct DuckDBReadOnlyTests {
    private static let readOnly = StatementLimits(isReadOnly: true)
    let directory: TemporaryDirectory
    let database: DuckDBDatabase
    var connection: DuckDBConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try DuckDBDatabase(directory.file("a.db"))
        try connection.executeScript(
            """
            CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1);
            CREATE SEQUENCE s; CREATE VIEW next AS SELECT nextval('s') AS n; CREATE MACRO take() AS nextval('s');
            CREATE MACRO rows() AS TABLE SELECT nextval('s') AS n; CREATE MACRO twice() AS TABLE FROM query('FROM next')
            """)
        _ = try database.capture()
    }

    /// What neither the type of the statement nor its words show.
    @Test(arguments: ["FROM next", "SELECT take()", "FROM rows()", "FROM twice()", "SELECT a FROM t WHERE a = take()", "SELECT nextval('s')"])
    func sequencesBehindViewsAndMacros(_ sql: String) throws {
        let error = connection.error(sql, .none, Self.readOnly)
        #expect(error?.code == "BLOCKED")
        #expect(error?.message.contains("reading only") == true)
        #expect(connection.isAutocommit)
        #expect(try database.capture() == nil)
        #expect(connection.code(sql) == nil, "and whoever may write can")
    }

    @Test(arguments: ["BEGIN TRANSACTION READ WRITE", "START TRANSACTION", "BEGIN TRANSACTION READ ONLY"])
    func whateverTransactionAReaderAsksFor(_ begin: String) throws {
        _ = try connection.execute(SQLStatement(begin), limits: Self.readOnly)
        #expect(!connection.isAutocommit)
        #expect(connection.code("FROM next", .none, Self.readOnly) == "BLOCKED")
        _ = try connection.execute(SQLStatement("ROLLBACK"), limits: Self.readOnly)
        try connection.executeScript("SELECT 1; \(begin)", limits: Self.readOnly)
        #expect(!connection.isAutocommit)
        #expect(connection.code("FROM next", .none, Self.readOnly) == "BLOCKED")
        _ = try connection.execute(SQLStatement("ROLLBACK"), limits: Self.readOnly)
        #expect(connection.isAutocommit)
        #expect(try database.capture() == nil)
    }

    /// For whoever may write: such a statement asks for no turn, and is found out by what it did.
    @Test func aHiddenChangeShowsInTheMark() throws {
        for sql in ["FROM next", "SELECT take()", "BEGIN; FROM rows(); COMMIT"] {
            let mark = database.commitMark
            try connection.executeScript(sql, limits: .unlimited)
            #expect(database.commitMark != mark, "\(sql)")
        }
        #expect(try !connection.needsWriteTurn("FROM next"), "if it were known before, nobody would need the mark")
    }

    /// DuckDB decides at its beginning what a transaction may do.
    @Test func aReaderGetsNothingOutOfAWritersTransaction() throws {
        try connection.run("BEGIN")
        #expect(connection.code("SELECT a FROM t", .none, Self.readOnly) == "BLOCKED")
        #expect(!connection.isAutocommit)
        try connection.run("INSERT INTO t VALUES (2)")
        try connection.run("COMMIT")
    }

    /// Not the database: the connection's own.
    @Test func settingsOfTheConnection() throws {
        for sql in ["SET VARIABLE x = 3", "USE main", "PRAGMA table_info('t')", "DESCRIBE t", "SHOW TABLES", "SUMMARIZE t"] {
            #expect(connection.code(sql, .none, Self.readOnly) == nil, "\(sql)")
        }
        #expect(try connection.execute(SQLStatement("SELECT getvariable('x')"), limits: Self.readOnly).rows == [[.integer(3)]])
    }

    /// A transaction that cannot be ended is not taken for none: whoever gets the connection back closes it.
    @Test func aTransactionThatCannotBeEnded() throws {
        let taken = try #require(try database.takeConnection() as? DuckDBConnection)
        // DuckDB refuses to end what was not begun.
        taken.endReadOnly()
        #expect(!taken.isAutocommit)
        database.giveBack(taken)
        #expect(!taken.isOpen)
        let next = try database.takeConnection()
        #expect(next.isAutocommit)
        #expect(try next.execute(SQLStatement("SELECT a FROM t"), limits: Self.readOnly).rows == [[.integer(1)]])
        database.giveBack(next)
    }
}
