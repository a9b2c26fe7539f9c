@testable import Engines
import FleetModel
import Testing

/// Nothing compiled is used once what it was compiled against may have changed: a connection that keeps compiled statements answers
/// as one that compiles every statement anew.
@Suite struct DuckDBCatalogueTests {
    /// What happens on which of the connections, in order.
    struct Scenario: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var steps: [(connection: Int, sql: String)]

        init(_ name: String, _ steps: String...) {
            testDescription = name
            self.steps = steps.map { (0, $0) }
        }

        /// - Parameter steps: each begins with the number of its connection.
        init(several name: String, _ steps: String...) {
            testDescription = name
            self.steps = steps.map { (Int(String($0.prefix(1))) ?? 0, String($0.dropFirst(2))) }
        }
    }

    private static let again = ["BEGIN", "CREATE TABLE t (a INT)", "ROLLBACK", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)", "SELECT * FROM t"]

    private static func afterRollback(_ create: String, _ use: String) -> Scenario {
        var scenario = Scenario("rolled back: \(create)")
        scenario.steps = ["BEGIN", create, "ROLLBACK", create, use, use].map { (0, $0) }
        return scenario
    }

    private static func replaced(_ first: String, _ second: String, _ use: String) -> Scenario {
        var scenario = Scenario("replaced: \(second)")
        scenario.steps = [first, use, second, use, "BEGIN", first.replacing("CREATE ", with: "CREATE OR REPLACE "), use, "ROLLBACK", use].map { (0, $0) }
        return scenario
    }

    static let scenarios: [Scenario] = [
        afterRollback("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1) RETURNING *"),
        afterRollback("CREATE TABLE IF NOT EXISTS t (a INT)", "INSERT INTO t VALUES (1) RETURNING *"),
        afterRollback("CREATE OR REPLACE TABLE t (a INT)", "INSERT INTO t VALUES (1) RETURNING *"),
        afterRollback("CREATE TABLE t AS SELECT 7 AS a", "SELECT * FROM t"),
        afterRollback("CREATE TABLE t (a INT PRIMARY KEY CHECK (a > 0), b INT DEFAULT 3)", "INSERT INTO t (a) VALUES (1) RETURNING *"),
        afterRollback("CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a + 1))", "INSERT INTO t (a) VALUES (1) RETURNING b"),
        afterRollback("CREATE VIEW v AS SELECT 1 AS a", "SELECT * FROM v"),
        afterRollback("CREATE MACRO m(a) AS a + 1", "SELECT m(1)"),
        afterRollback("CREATE MACRO m(a) AS TABLE SELECT a + 1 AS b", "SELECT * FROM m(1)"),
        afterRollback("CREATE TYPE e AS ENUM ('a', 'b')", "SELECT enum_range(NULL::e)::VARCHAR"),
        afterRollback("CREATE SEQUENCE s START 5", "SELECT nextval('s')"),
        afterRollback("CREATE SCHEMA other", "CREATE TABLE IF NOT EXISTS other.t (a INT)"),
        Scenario(
            "referenced", "CREATE TABLE p (a INT PRIMARY KEY)", "BEGIN", "CREATE TABLE c (a INT REFERENCES p (a))", "ROLLBACK",
            "CREATE TABLE c (a INT REFERENCES p (a))", "INSERT INTO c VALUES (1)", "INSERT INTO p VALUES (1)", "INSERT INTO c VALUES (1)"),
        Scenario(
            "after an error in the transaction", "BEGIN", "CREATE TABLE t (a INT)", "SELECT nothing", "ROLLBACK", "CREATE TABLE t (a INT)",
            "INSERT INTO t VALUES (1)", "SELECT * FROM t"),
        Scenario(
            "after a COMMIT that fails", "BEGIN", "CREATE TABLE t (a INT)", "SELECT nothing", "COMMIT", "CREATE TABLE t (a INT)",
            "INSERT INTO t VALUES (1)", "SELECT * FROM t"),
        replaced("CREATE MACRO m(a) AS a + 1", "CREATE OR REPLACE MACRO m(a) AS a + 10", "SELECT m(1)"),
        replaced("CREATE MACRO m(a) AS TABLE SELECT a AS b", "CREATE OR REPLACE MACRO m(a) AS TABLE SELECT a + 10 AS b", "SELECT * FROM m(1)"),
        replaced("CREATE VIEW v AS SELECT 1 AS a", "CREATE OR REPLACE VIEW v AS SELECT 2 AS a, 3 AS b", "SELECT * FROM v"),
        Scenario(
            "a view over a view", "CREATE VIEW v AS SELECT 1 AS a", "CREATE VIEW w AS SELECT a FROM v", "SELECT * FROM w",
            "CREATE OR REPLACE VIEW v AS SELECT 2 AS a", "SELECT * FROM w"),
        Scenario(
            "a view becomes a table", "CREATE VIEW v AS SELECT 1 AS a", "SELECT * FROM v", "DROP VIEW v", "CREATE TABLE v AS SELECT 2 AS a", "SELECT * FROM v"),
        Scenario(
            "a type of the same name", "CREATE TYPE e AS ENUM ('a')", "SELECT enum_range(NULL::e)::VARCHAR", "DROP TYPE e", "CREATE TYPE e AS ENUM ('b', 'c')",
            "SELECT enum_range(NULL::e)::VARCHAR"),
        Scenario(
            "a macro in an INSERT", "CREATE TABLE t (a INT)", "CREATE MACRO m() AS 1", "INSERT INTO t VALUES (m())", "CREATE OR REPLACE MACRO m() AS 2",
            "INSERT INTO t VALUES (m())", "SELECT a FROM t ORDER BY a"),
        Scenario(
            "a table changes", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)", "SELECT * FROM t", "ALTER TABLE t ADD COLUMN b INT DEFAULT 4", "SELECT * FROM t",
            "INSERT INTO t VALUES (1)", "ALTER TABLE t DROP COLUMN b", "INSERT INTO t VALUES (1)", "SELECT * FROM t"),
        Scenario(
            "search path and variables", "CREATE SCHEMA x", "CREATE TABLE x.t AS SELECT 1 AS a", "CREATE TABLE t AS SELECT 2 AS a", "SELECT * FROM t", "USE x",
            "SELECT * FROM t", "SET VARIABLE n = 1", "SELECT getvariable('n')", "SET VARIABLE n = 'x'", "SELECT getvariable('n')"),
        Scenario(
            "temporary hides", "CREATE TABLE t AS SELECT 1 AS a", "SELECT * FROM t", "CREATE TEMP TABLE t AS SELECT 2 AS a", "SELECT * FROM t", "DROP TABLE temp.t", "SELECT * FROM t"),
        Scenario(
            "what the planner read from the data", "CREATE TABLE t AS SELECT i FROM range(10) r(i)", "SELECT count(*), min(i), max(i) FROM t", "SELECT * FROM t WHERE i > 100",
            "INSERT INTO t VALUES (200)", "SELECT count(*), min(i), max(i) FROM t", "SELECT * FROM t WHERE i > 100"),
        Scenario(
            "explained", "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1 AS a", "SELECT * FROM t", "DROP TABLE t", "SELECT * FROM t",
            "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1 AS a", "SELECT * FROM t"),
        Scenario(
            several: "another connection replaces", "0 CREATE VIEW v AS SELECT 1 AS a", "1 SELECT * FROM v", "0 CREATE OR REPLACE VIEW v AS SELECT 2 AS a", "1 SELECT * FROM v",
            "0 BEGIN", "0 CREATE OR REPLACE VIEW v AS SELECT 3 AS a", "1 SELECT * FROM v", "0 COMMIT", "1 SELECT * FROM v"),
        Scenario(
            several: "another connection replaces beside a transaction", "0 CREATE MACRO m() AS 1", "1 BEGIN", "1 SELECT m()", "0 CREATE OR REPLACE MACRO m() AS 2", "1 SELECT m()",
            "1 COMMIT", "1 SELECT m()", "0 SELECT m()"),
        Scenario(
            several: "another connection rolls back", "0 BEGIN", "0 CREATE TABLE t (a INT)", "1 SELECT * FROM t", "0 ROLLBACK", "1 CREATE TABLE t (a INT)",
            "1 INSERT INTO t VALUES (1)", "0 SELECT * FROM t"),
    ]

    @Test(arguments: scenarios) func answersAsIfNothingWereKept(_ scenario: Scenario) throws {
        let kept = try answers(scenario, keeping: 32)
        let fresh = try answers(scenario, keeping: 0)
        #expect(kept == fresh)
    }

    private func answers(_ scenario: Scenario, keeping statements: Int) throws -> [String] {
        let directory = try TemporaryDirectory()
        let database = try DuckDBDatabase(directory.file("a.db")) { $0.preparedStatements = statements }
        defer { database.close() }
        let connections = [try database.makeConnection(), try database.makeConnection()]
        return scenario.steps.map { index, sql in
            // Plans of EXPLAIN ANALYZE tell times.
            do { return "\(sql): \(sql.hasPrefix("EXPLAIN") ? [] : try connections[index].run(sql).rows)" } catch { return "\(sql): \(error)" }
        }
    }

    @Test func aTableThatWasRolledBackHasItsColumns() throws {
        let directory = try TemporaryDirectory()
        let database = try DuckDBDatabase(directory.file("a.db"))
        for sql in Self.again { try database.primary.run(sql) }
        #expect(try database.primary.run("SELECT * FROM t").rows == [[.integer(1)]])
    }

    /// What is worth keeping is kept.
    @Test func aChangeOfDataKeepsTheStatements() throws {
        let directory = try TemporaryDirectory()
        let database = try DuckDBDatabase(directory.file("a.db"))
        let connection = database.primary
        try connection.run("CREATE TABLE t (a INT)")
        let insert = try connection.prepare("INSERT INTO t VALUES (1)")
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        try connection.run("COMMIT")
        #expect(try connection.prepare("INSERT INTO t VALUES (1)") === insert)
        try connection.run("CREATE VIEW v AS SELECT 1")
        #expect(try connection.prepare("INSERT INTO t VALUES (1)") !== insert)
    }
}
