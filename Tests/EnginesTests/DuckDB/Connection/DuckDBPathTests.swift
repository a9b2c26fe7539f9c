@testable import Engines
import FleetModel
import Foundation
import Testing

/// Tenants are told neither where a node has its files nor who runs it.
@Suite(.timeLimit(.minutes(1))) struct DuckDBPathTests {
    private let directory: TemporaryDirectory
    private let connection: DuckDBConnection
    private let database: DuckDBDatabase
    /// Folders that must not be told.
    private let secrets: [String]

    init() throws {
        directory = try TemporaryDirectory()
        let folder = directory.file("node-a/databases/one")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        database = try DuckDBDatabase("\(folder)/db")
        connection = database.primary
        secrets = [directory.file(""), FileManager.default.homeDirectoryForCurrentUser.path + "/"].filter { $0 != "//" }
        try connection.run("CREATE TABLE t (v VARCHAR)")
        try connection.run("INSERT INTO t VALUES ('/a/path/of/the/tenant')")
    }

    /// All that is answered, an error included.
    private func answer(_ sql: String) -> String {
        do throws(SQLError) { return "\(try connection.run(sql).rows)" } catch { return "\(error)" }
    }

    private func expectNothingTold(_ sql: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let answer = answer(sql)
        for secret in secrets { #expect(!answer.contains(secret), "\(sql): \(answer)", sourceLocation: sourceLocation) }
    }

    /// Whatever there is that takes nothing.
    @Test func noTableFunctionTells() throws {
        let names = try connection.run(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'table' AND len(parameters) = 0").rows
        #expect(names.count > 20)
        for case .text(let name)? in names.map(\.first) {
            expectNothingTold("FROM \"\(name)\"()")
            // Nested, it is answered as JSON.
            expectNothingTold("SELECT list(x) FROM \"\(name)\"() AS x")
        }
    }

    @Test func noSettingTells() throws {
        let names = try connection.run("SELECT name FROM duckdb_settings()").rows
        #expect(names.count > 50)
        for case .text(let name)? in names.map(\.first) { expectNothingTold("SELECT current_setting('\(name)')") }
    }

    @Test(arguments: [
        "PRAGMA database_list", "FROM pragma_database_list", "FROM duckdb_databases", "SELECT 'in ' || path FROM duckdb_databases()",
        "SELECT {'p': [path]} FROM duckdb_databases()", "CALL duckdb_databases()", "EXPLAIN ANALYZE FROM t", "EXPLAIN FROM duckdb_databases()",
        "INSTALL httpfs", "LOAD httpfs", "ATTACH 'other.db'", "FROM read_csv('db')", "FROM glob('*')", "EXPORT DATABASE 'x'", "COPY t TO 'x'",
        "FROM query('FROM duckdb_' || 'databases()')", "SELECT getenv('HOME')", "DESCRIBE duckdb_databases", "SUMMARIZE FROM duckdb_databases()",
        "CREATE OR REPLACE TABLE copied AS FROM duckdb_databases(); ", "FROM copied",
    ]) func nothingElseTells(sql: String) throws {
        try connection.run("CREATE OR REPLACE TABLE copied AS SELECT path FROM duckdb_databases()")
        try connection.run("CREATE OR REPLACE VIEW seen AS SELECT path FROM duckdb_databases()")
        expectNothingTold(sql)
        expectNothingTold("FROM seen")
    }

    /// What clients look for is there, and what is theirs is answered as it is.
    @Test func databasesAreStillListed() throws {
        #expect(try connection.run("SELECT database_name, path FROM duckdb_databases() WHERE NOT internal").rows == [[.text("db"), .text("db")]])
        #expect(try connection.run("PRAGMA database_list").rows.map { $0[1...] } == [[.text("db"), .text("db")]])
        #expect(try connection.run("FROM t").rows == [[.text("/a/path/of/the/tenant")]])
    }

    @Test func aCursorTellsNoMore() throws {
        let cursor = try connection.cursor(SQLStatement("SELECT path FROM duckdb_databases() WHERE NOT internal"), readOnly: false, deadline: nil)
        #expect(try cursor.next(atMost: 1_000, deadline: nil).values == [[.text("db")]])
        cursor.close()
    }
}
