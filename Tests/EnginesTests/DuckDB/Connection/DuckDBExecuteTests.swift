@testable import Engines
import FleetModel
import Testing

@Suite struct DuckDBExecuteTests {
    let directory: TemporaryDirectory
    let database: DuckDBDatabase
    var connection: DuckDBConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try DuckDBDatabase(directory.file("a.db"))
    }

    @Test func valuesComeBackAsTheyWereBound() throws {
        let values: [SQLValue] = [.null, .integer(.min), .real(1.5), .text("Zoë \u{0} 🦆 longer than twelve bytes"), .blob([0, 255, 7]), .text("")]
        let result = try connection.execute(
            SQLStatement("SELECT $1, $2::BIGINT, $3::DOUBLE, $4::VARCHAR, $5::BLOB, $6::VARCHAR", arguments: .positional(values)))
        #expect(result.rows == [values])
        #expect(result.columns.map(\.declaredType) == ["\"NULL\"", "BIGINT", "DOUBLE", "VARCHAR", "BLOB", "VARCHAR"])
    }

    /// Equal as Swift's strings, and different statements all the same: cached ones must not be taken for each other.
    @Test func textsAreToldApartByTheirBytes() throws {
        for _ in 0..<2 {
            #expect(try connection.value("SELECT strlen('\u{E9}')") == .integer(2))
            #expect(try connection.value("SELECT strlen('e\u{301}')") == .integer(3))
        }
    }

    @Test func changesAreCountedAndQueriesHaveRows() throws {
        let created = try connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR)")
        #expect(created.columns == [] && created.rows == [] && created.affectedRows == 0)
        #expect(try connection.run("INSERT INTO t VALUES (1, 'x'), (2, 'y')").affectedRows == 2)
        #expect(try connection.run("UPDATE t SET b = 'z'").affectedRows == 2)
        let returned = try connection.run("INSERT INTO t VALUES (3, 'r') RETURNING a, b")
        #expect(returned.affectedRows == 1 && returned.rows == [[.integer(3), .text("r")]])
        #expect(try connection.run("DELETE FROM t WHERE a = ?", .integer(1)).affectedRows == 1)
        let result = try connection.run("SELECT a, b FROM t ORDER BY a")
        #expect(result.rows == [[.integer(2), .text("z")], [.integer(3), .text("r")]])
        #expect(result.columns.map(\.name) == ["a", "b"] && result.affectedRows == 0)
        #expect(try connection.execute(SQLStatement("FROM t", wantsRows: false)).rows == [])
    }

    @Test func namedArguments() throws {
        func run(_ sql: String, _ names: String...) -> String? {
            connection.code(sql, .named(names.enumerated().map { NamedArgument(name: $1, value: .integer(Int64($0))) }))
        }
        #expect(run("SELECT $a, $b", "a", "b") == nil)
        #expect(run("SELECT $a, $b, $a", ":b", "$a") == nil)
        #expect(run("SELECT $a", "a", "b") == "ARGS_INVALID")
        #expect(run("SELECT $a, $b", "a") == "ARGS_INVALID")
        #expect(run("SELECT $a", "a", "$a") == "ARGS_INVALID")
        #expect(run("SELECT ?", "a") == "ARGS_INVALID")
        #expect(connection.code("SELECT ?, ?", .positional([.null])) == "ARGS_INVALID")
        #expect(
            try connection.execute(
                SQLStatement("SELECT $y::INT, $x::INT", arguments: .named([.init(name: "x", value: .integer(1)), .init(name: "y", value: .integer(2))]))
            ).rows == [[.integer(2), .integer(1)]])
    }

    @Test(arguments: [
        ("", "SQL_NO_STATEMENT"), (" ; -- nothing", "SQL_NO_STATEMENT"), ("SELECT 1; SELECT 2", "SQL_MANY_STATEMENTS"),
        ("SELEC 1", "SQL_PARSE_ERROR"), ("SELECT 'open", "SQL_PARSE_ERROR"), ("SELECT 1\u{0}", "SQL_PARSE_ERROR"),
        ("SELECT nope", "DUCKDB_BINDER"), ("FROM nope", "DUCKDB_CATALOG"), ("SELECT 'x'::INTEGER", "DUCKDB_CONVERSION"),
        ("INSERT INTO t VALUES (1), (1)", "DUCKDB_CONSTRAINT"), ("INSERT INTO t VALUES (NULL)", "DUCKDB_CONSTRAINT"),
        ("SELECT 9223372036854775807 + 1::BIGINT", "DUCKDB_OUT_OF_RANGE"), ("COMMIT", "DUCKDB_TRANSACTION"),
        ("SELECT error('mine')", "DUCKDB_INVALID_INPUT"),
    ])
    func errorsHaveStableCodes(_ sql: String, _ code: String) throws {
        try connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        #expect(connection.code(sql) == code)
        #expect(try connection.value("SELECT 1") == .integer(1))
        #expect(connection.isAutocommit)
    }

    @Test func aTransactionIsSeenAsWhatItIs() throws {
        try connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        try connection.run("BEGIN TRANSACTION")
        #expect(!connection.isAutocommit)
        try connection.run("INSERT INTO t VALUES (1)")
        try connection.run("/* done */ COMMIT;")
        #expect(connection.isAutocommit)
        try connection.run("start transaction")
        try connection.run("INSERT INTO t VALUES (2)")
        try connection.run("ABORT")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
        #expect(connection.code("ROLLBACK") == "DUCKDB_TRANSACTION")
        try connection.run("BEGIN")
        #expect(connection.code("BEGIN") == "DUCKDB_TRANSACTION")
        #expect(!connection.isAutocommit)
        try connection.run("ROLLBACK")
        #expect(connection.isAutocommit)
    }

    @Test(arguments: ["INSERT INTO t VALUES (1)", "SELECT nope", "SELECT 'x'::INTEGER"])
    func anErrorAbortsItsTransaction(_ wrong: String) throws {
        try connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        try connection.run("INSERT INTO t VALUES (1)")
        for end in ["ROLLBACK", "COMMIT"] {
            try connection.run("BEGIN")
            try connection.run("INSERT INTO t VALUES (2)")
            #expect(connection.code(wrong) != nil)
            #expect(!connection.isAutocommit)
            #expect(connection.code("SELECT 1") == "DUCKDB_TRANSACTION")
            #expect(connection.code(end) == (end == "COMMIT" ? "DUCKDB_TRANSACTION" : nil), "a COMMIT that stores nothing is no success")
            #expect(connection.isAutocommit)
            #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
        }
    }

    @Test func aSyntaxErrorLeavesItsTransactionAlone() throws {
        try connection.run("CREATE TABLE t (a INTEGER)")
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        #expect(connection.code("SELEC") == "SQL_PARSE_ERROR")
        #expect(connection.code("SELECT ?", .positional([])) == "ARGS_INVALID")
        try connection.run("COMMIT")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
    }

    @Test func aConflictAtCommitEndsTheTransaction() throws {
        try connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        let other = try database.makeConnection()
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        try other.run("BEGIN")
        try other.run("INSERT INTO t VALUES (1)")
        try other.run("COMMIT")
        #expect(connection.code("COMMIT") != nil)
        #expect(connection.isAutocommit)
        try connection.run("BEGIN")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
        try connection.run("ROLLBACK")
    }

    @Test func aScriptStopsAtItsFirstError() throws {
        #expect(throws: SQLError.self) {
            try connection.executeScript("CREATE TABLE t (a INT); INSERT INTO t VALUES (1); FROM nope; INSERT INTO t VALUES (2)")
        }
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
        try connection.executeScript("BEGIN; INSERT INTO t VALUES (3);")
        #expect(!connection.isAutocommit)
        try connection.executeScript("ROLLBACK")
        #expect(connection.isAutocommit)
        try connection.executeScript(" -- nothing")
    }

    @Test func describing() throws {
        try connection.run("CREATE TABLE t (a INTEGER, b DECIMAL(10,2))")
        let query = try connection.describe("SELECT b, a FROM t WHERE a > $low AND b < $high")
        #expect(query.columns == [.init(name: "b", declaredType: "DECIMAL(10,2)"), .init(name: "a", declaredType: "INTEGER")])
        #expect(query.isReadOnly && !query.isExplain)
        let insert = try connection.describe("INSERT INTO t VALUES (?, ?)")
        #expect(insert.parameters == [nil, nil] && insert.columns == [] && !insert.isReadOnly)
        #expect(try connection.describe("SELECT $low::INT").parameters == ["$low"])
        #expect(try connection.describe("EXPLAIN SELECT 1").isExplain)
    }

    @Test(arguments: [
        ("SELECT 1", false), ("FROM t", false), ("SELECT 'insert'", false), ("EXPLAIN INSERT INTO t VALUES (1)", true),
        ("BEGIN", false), ("COMMIT", false), ("SET schema = 'main'", false), ("PRAGMA table_info('t')", false),
        ("INSERT INTO t VALUES (1)", true), ("UPDATE t SET a = 1", true), ("DELETE FROM t", true), ("DROP TABLE t", true),
        ("CREATE TABLE u (a INT)", true), ("ALTER TABLE t ADD COLUMN b INT", true), ("SELECT nextval('s')", true),
        ("WITH x AS (INSERT INTO t VALUES (1) RETURNING a) FROM x", true), ("EXPLAIN ANALYZE DELETE FROM t", true),
        ("MERGE INTO t USING t u ON t.a = u.a WHEN MATCHED THEN DELETE", true), ("FROM query('SELECT nextval(''s'')')", true),
        ("SELECT * FROM checkpoint()", true), ("SELECT E'\\'' , nextval('s')", true), ("TRUNCATE t", true),
    ])
    func whatNeedsTheWriteTurn(_ sql: String, _ writes: Bool) throws {
        try connection.executeScript("CREATE TABLE t (a INT); CREATE SEQUENCE s")
        #expect(try connection.needsWriteTurn(sql) == writes)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
    }

    @Test func aStatementSurvivesAChangeOfItsTable() throws {
        try connection.run("CREATE TABLE t (a INTEGER)")
        try connection.run("INSERT INTO t VALUES (1)")
        #expect(try connection.run("FROM t").columns.count == 1)
        try connection.run("ALTER TABLE t ADD COLUMN b VARCHAR")
        #expect(try connection.run("FROM t").columns.map(\.declaredType) == ["INTEGER", "VARCHAR"])
        try connection.run("DROP TABLE t")
        #expect(connection.code("FROM t") == "DUCKDB_CATALOG")
    }
}
