@testable import Engines
import FleetModel
import Testing

@Suite struct ExecuteTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    var connection: SQLiteConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("a.db"))
    }

    @Test(arguments: [
        SQLValue.null, .integer(.min), .integer(.max), .integer(0), .real(-0.5), .real(.infinity), .real(2.2250738585072014e-308),
        .text(""), .text("ä\u{0}ö 🦆"), .blob([]), .blob([0, 255, 0]), .text(String(repeating: "x", count: 100_000)),
    ])
    func valuesComeBackAsTheyWere(_ value: SQLValue) throws {
        try connection.run("CREATE TABLE t (a)")
        try connection.run("INSERT INTO t VALUES (?)", value)
        #expect(try connection.value("SELECT a FROM t") == value)
        #expect(try connection.value("SELECT ?", value) == value)
    }

    @Test func emptyBlobAndEmptyTextAreNotNull() throws {
        let row = try connection.run("SELECT typeof(?), typeof(?), typeof(?)", .blob([]), .text(""), .null).rows[0]
        #expect(row == [.text("blob"), .text("text"), .text("null")])
    }

    @Test func notANumberIsStoredAsNull() throws {
        #expect(try connection.value("SELECT ?", .real(.nan)) == .null)
    }

    @Test func invalidTextIsRepaired() throws {
        #expect(try connection.value("SELECT CAST(x'61ff62' AS TEXT)") == .text("a\u{FFFD}b"))
    }

    @Test func bufferGrowsAndShrinksBetweenStatements() throws {
        for count in [10, 1_000_000, 3, 200_000, 0] {
            let text = String(repeating: "é", count: count)
            let row = try connection.run("SELECT ?, ?, ?", .text(text), .blob([1]), .text("z")).rows[0]
            #expect(row == [.text(text), .blob([1]), .text("z")])
        }
    }

    @Test func columnsHaveNamesAndDeclaredTypes() throws {
        try connection.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(10), x)")
        let columns = try connection.run("SELECT id, name AS n, x, 1 + 1 FROM t").columns
        #expect(columns.map(\.name) == ["id", "n", "x", "1 + 1"])
        #expect(columns.map(\.declaredType) == ["INTEGER", "VARCHAR(10)", nil, nil])
    }

    @Test func aCachedStatementSeesAddedColumns() throws {
        try connection.run("CREATE TABLE t (a)")
        try connection.run("INSERT INTO t VALUES (1)")
        #expect(try connection.run("SELECT * FROM t").columns.count == 1)
        try connection.run("ALTER TABLE t ADD COLUMN b DEFAULT 'new'")
        let result = try connection.run("SELECT * FROM t")
        #expect(result.columns.map(\.name) == ["a", "b"])
        #expect(result.rows == [[.integer(1), .text("new")]])
    }

    @Test(arguments: ["a", ":a", "@a", "$a"], [":a", "@a", "$a"])
    func aNameMatchesWhateverStandsBeforeIt(_ given: String, _ parameter: String) throws {
        let result = try connection.execute(SQLStatement("SELECT \(parameter)", arguments: .named([NamedArgument(name: given, value: .integer(7))])))
        #expect(result.rows == [[.integer(7)]])
        // One written alike goes first.
        let both = [NamedArgument(name: "a", value: .integer(1)), NamedArgument(name: parameter, value: .integer(2))]
        #expect(connection.code("SELECT \(parameter)", .named(both)) == "ARGS_INVALID")
        #expect(connection.code("SELECT \(parameter)", .named([NamedArgument(name: "b", value: .null)])) == "ARGS_INVALID")
    }

    @Test func affectedRowsAreThoseOfTheStatementItself() throws {
        func affected(_ sql: String) throws -> Int64 { try connection.run(sql).affectedRows }
        #expect(try affected("CREATE TABLE t (a)") == 0)
        #expect(try affected("CREATE TABLE log (a)") == 0)
        #expect(try affected("CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1), (2); END") == 0)
        #expect(try affected("INSERT INTO t VALUES (1), (2), (3)") == 3)
        #expect(try affected("SELECT * FROM t") == 0)
        #expect(try affected("UPDATE t SET a = a WHERE a > 1") == 2)
        #expect(try affected("UPDATE t SET a = a WHERE a > 100") == 0)
        #expect(try affected("WITH x(v) AS (VALUES (9)) INSERT INTO t SELECT v FROM x") == 1)
        #expect(try affected("CREATE VIRTUAL TABLE f USING fts5(a)") == 0)
        #expect(try affected("CREATE TABLE copy AS SELECT * FROM t") == 0)
        #expect(try affected("ALTER TABLE t RENAME TO u") == 0)
        #expect(try affected("DELETE FROM u") == 4)
        #expect(try affected("EXPLAIN QUERY PLAN DELETE FROM u") == 0)
        #expect(try affected("DROP TABLE u") == 0)
        #expect(try affected("VACUUM") == 0)
    }

    @Test func lastInsertRowIDComesOnlyWithInserts() throws {
        func rowID(_ sql: String) throws -> Int64? { try connection.run(sql).lastInsertRowID }
        #expect(try rowID("CREATE TABLE t (id INTEGER PRIMARY KEY, a)") == nil)
        #expect(try rowID("INSERT INTO t VALUES (41, 1)") == 41)
        #expect(try rowID("INSERT INTO t (a) VALUES (1)") == 42)
        #expect(try rowID("UPDATE t SET a = 2") == nil)
        #expect(try rowID("INSERT OR IGNORE INTO t VALUES (41, 1)") == nil)
        #expect(try rowID("WITH x(v) AS (VALUES (9)) INSERT INTO t (a) SELECT v FROM x") == 43)
        #expect(try rowID("WITH x(v) AS (VALUES (9)) UPDATE t SET a = (SELECT v FROM x)") == nil)
        #expect(try rowID("REPLACE INTO t VALUES (7, 7)") == 7)
        #expect(try rowID("SELECT 1") == nil)
    }

    @Test func rowsReadCountsScannedRows() throws {
        try connection.run("CREATE TABLE t (a)")
        try connection.run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO t SELECT i FROM n")
        #expect(try connection.run("SELECT * FROM t").rowsRead == 100)
        #expect(try connection.run("SELECT count(*) FROM t WHERE a > 50").rowsRead >= 99)
        #expect(try connection.run("UPDATE t SET a = 0 WHERE a <= 7").rowsWritten == 7)
    }

    @Test func rowsCanBeLeftOut() throws {
        let result = try connection.execute(SQLStatement("VALUES (1), (2)", wantsRows: false))
        #expect(result.rows.isEmpty && result.columns.count == 1 && result.rowsRead == 2)
    }

    @Test func namedArgumentsMatchWithAndWithoutPrefix() throws {
        func answer(_ sql: String, _ names: [String]) throws -> [SQLValue] {
            let arguments = names.enumerated().map { NamedArgument(name: $1, value: .integer(Int64($0))) }
            return try connection.execute(SQLStatement(sql, arguments: .named(arguments))).rows[0]
        }
        #expect(try answer("SELECT :a, @b, $c", ["a", "b", "c"]) == [.integer(0), .integer(1), .integer(2)])
        #expect(try answer("SELECT :a, @b, $c", ["$c", ":a", "@b"]) == [.integer(1), .integer(2), .integer(0)])
        #expect(try answer("SELECT :a, @a", ["a"]) == [.integer(0), .integer(0)])
        #expect(try answer("SELECT :a, @a", ["@a", "a"]) == [.integer(1), .integer(0)])
        #expect(try answer("SELECT ?2, ?1", ["1", "2"]) == [.integer(1), .integer(0)])
    }

    @Test func scriptsRunStatementByStatement() throws {
        try connection.executeScript(
            "-- a script\nCREATE TABLE t (a);; INSERT INTO t VALUES (1); SELECT * FROM t;\n/* done */ PRAGMA user_version = 5;")
        #expect(try connection.value("SELECT a FROM t") == .integer(1))
        #expect(try connection.value("PRAGMA user_version") == .integer(5))
        try connection.executeScript(" ; -- nothing")
        let error = #expect(throws: SQLError.self) {
            try connection.executeScript("INSERT INTO t VALUES (2); INSERT INTO nowhere VALUES (1); INSERT INTO t VALUES (3)")
        }
        #expect(error?.code == "SQLITE_ERROR")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(2))
    }

    @Test func describeNamesParametersAndColumns() throws {
        try connection.run("CREATE TABLE t (a INT)")
        let select = try connection.describe("SELECT a, :x FROM t WHERE a = ? OR a = @y")
        #expect(select.parameters == [":x", nil, "@y"])
        #expect(select.columns.map(\.name) == ["a", ":x"])
        #expect(select.columns.map(\.declaredType) == ["INT", nil])
        #expect(select.isReadOnly && !select.isExplain)
        #expect(try !connection.describe("DELETE FROM t").isReadOnly)
        #expect(try connection.describe("EXPLAIN QUERY PLAN DELETE FROM t").isExplain)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
    }

    @Test func theStatementCacheIsBounded() throws {
        var options = SQLiteOptions()
        options.preparedStatements = 4
        let small = try SQLiteDatabase(path: directory.file("b.db"), options: options)
        for round in 0..<3 {
            for number in 0..<20 { #expect(try small.primary.value("SELECT \(number)") == .integer(Int64(number)), "\(round)") }
        }
        #expect(small.primary.cache.count == 4)
    }
}
