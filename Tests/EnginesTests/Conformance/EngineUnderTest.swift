import Changesets
import Engines
import FleetModel
import Foundation
import Testing

/// An engine that has to pass the suite, and what little of its SQL the suite cannot write for all of them.
struct EngineUnderTest: CustomTestStringConvertible, Sendable {
    let kind: EngineKind
    /// What is special about it.
    var variant = ""
    var make: @Sendable () throws -> any Engine
    /// A statement that inserts the numbers from 0 below `count` into `t (a, b)`.
    let insert: @Sendable (_ count: Int) -> String
    /// A query that answers the numbers from 0 below `count`, one per row.
    let numbers: @Sendable (_ count: Int) -> String
    /// A query that answers numbers, more than the engine makes ahead, and then fails.
    let failing: String
    /// The code with which it fails.
    let failure: String
    /// Statements that change something although they look as if they did not, or that the suite cannot write for all.
    let hiddenChanges: [String]
    /// Changes of the schema, each with a query of what they leave; some that the engine's own log is known not to carry over.
    let schemaHistories: [SchemaHistory]
    /// A query that never ends.
    let endless: String
    /// The code of a statement that its deadline stopped, and of one that breaks a PRIMARY KEY.
    let interrupted: String
    let constraint: String

    var testDescription: String { kind.rawValue + variant }

    static let all = engines + [threaded]

    /// Queries with several threads: nothing that is promised rests on there being one.
    private static var threaded: EngineUnderTest {
        var engine = engines[1]
        engine.variant = ", four threads"
        engine.make = {
            var options = DuckDBOptions()
            options.threads = 4
            return DuckDBEngine(library: try DuckDBLibrary.load(), options: options)
        }
        return engine
    }

    /// Add an engine here.
    private static let engines: [EngineUnderTest] = [
        EngineUnderTest(
            kind: .sqlite, make: { SQLiteEngine() },
            insert: { "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \($0 - 1)) INSERT INTO t SELECT i, 'row ' || i FROM n" },
            numbers: { "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \($0 - 1)) SELECT i FROM n" },
            failing: """
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n)
                SELECT CASE WHEN i < 10000 THEN i ELSE abs(-9223372036854775808) END FROM n
                """,
            failure: "SQLITE_ERROR",
            hiddenChanges: [
                "PRAGMA user_version = 7", "PRAGMA application_id = 7", "PRAGMA optimize", "PRAGMA incremental_vacuum", "VACUUM", "REINDEX", "ANALYZE",
                "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "REPLACE INTO t VALUES (1, 'x')", "CREATE VIRTUAL TABLE f USING fts5(x)",
                "CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END", "/* SELECT */ DELETE FROM t WHERE false",
            ],
            schemaHistories: [
                SchemaHistory(["ALTER TABLE t ADD COLUMN c", "CREATE INDEX i ON t (b)", "ALTER TABLE t RENAME TO u", "CREATE VIEW t AS SELECT a, b FROM u"]),
                SchemaHistory(["BEGIN", "CREATE TABLE u AS SELECT * FROM t", "DROP TABLE t", "ALTER TABLE u RENAME TO t", "COMMIT"]),
            ],
            endless: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            interrupted: "SQLITE_INTERRUPT", constraint: "SQLITE_CONSTRAINT_PRIMARYKEY"),
        EngineUnderTest(
            kind: .duckdb, make: { DuckDBEngine(library: try DuckDBLibrary.load()) },
            insert: { "INSERT INTO t SELECT i, 'row ' || i FROM range(\($0)) r(i)" },
            numbers: { "SELECT i FROM range(\($0)) r(i)" },
            failing: "SELECT CASE WHEN i < 3000000 THEN i ELSE CAST('no number ' || i AS BIGINT) END AS i FROM range(1000000000) r(i)",
            failure: "DUCKDB_CONVERSION",
            hiddenChanges: [
                "CREATE SEQUENCE s", "CREATE MACRO m() AS 1", "CREATE TYPE e AS ENUM ('a')", "CREATE SCHEMA s", "COMMENT ON TABLE t IS 'x'", "TRUNCATE t",
                "MERGE INTO t USING (SELECT 1 AS a) s ON t.a = s.a WHEN MATCHED THEN DELETE", "INSERT OR REPLACE INTO t VALUES (1, 'x')",
                "WITH n AS (DELETE FROM t RETURNING a) SELECT a FROM n", "EXPLAIN ANALYZE DELETE FROM t", "CREATE OR REPLACE TABLE t AS SELECT 1 AS a",
            ],
            schemaHistories: [
                SchemaHistory([
                    "CREATE SCHEMA s", "CREATE TYPE s.p AS ENUM ('low', 'row 1', 'high')", "CREATE TABLE s.u (a INTEGER, p VARCHAR)", "INSERT INTO s.u VALUES (1, 'low')",
                    "ALTER TABLE s.u ALTER p SET DATA TYPE s.p USING p::s.p",
                ]),
                SchemaHistory([
                    "BEGIN", "UPDATE t SET b = 'x' WHERE a = 0", "CREATE TABLE u (a INTEGER PRIMARY KEY, b VARCHAR, c INTEGER)", "INSERT INTO u SELECT *, 0 FROM t",
                    "DROP TABLE t", "ALTER TABLE u RENAME TO t", "COMMIT",
                ]),
                SchemaHistory([
                    "CREATE SEQUENCE q", "CREATE TABLE u (a INTEGER DEFAULT nextval('q'), k INTEGER)", "INSERT INTO u (k) VALUES (7)", "ALTER TABLE u ADD PRIMARY KEY (k)",
                    "CREATE MACRO m(z) AS z * 2", "CREATE VIEW v AS SELECT m(a) FROM u", "CREATE INDEX i ON t (lower(b))", "COMMENT ON TABLE t IS 'x'",
                ]),
            ],
            endless: "SELECT count(*) FROM range(1000000000000) a(i) WHERE hash(i) = 7",
            interrupted: "DUCKDB_INTERRUPT", constraint: "DUCKDB_CONSTRAINT"),
    ]
}

/// Statements that change a schema. The table `t` is there, with two rows, and can be read afterwards.
struct SchemaHistory: Sendable {
    let statements: [String]
    init(_ statements: [String]) { self.statements = statements }
}

/// One engine and a directory for its files.
final class EngineBench {
    let engine: any Engine
    let directory: TemporaryDirectory
    private let tested: EngineUnderTest
    private var replicas = 0

    init(_ tested: EngineUnderTest) throws {
        self.tested = tested
        engine = try tested.make()
        directory = try TemporaryDirectory()
    }

    var path: String { directory.file("source.db") }

    /// A database with the empty table `t`, not captured yet.
    func newDatabase() throws -> any EngineDatabase {
        let database = try engine.open(path, base: .empty)
        try use(database) { try $0.executeScript("CREATE TABLE t (a INTEGER NOT NULL PRIMARY KEY, b VARCHAR)", limits: .unlimited) }
        return database
    }

    @discardableResult
    func use<Answer>(_ database: any EngineDatabase, _ body: (any EngineConnection) throws -> Answer) throws -> Answer {
        let connection = try database.takeConnection()
        defer { database.giveBack(connection) }
        return try body(connection)
    }

    func rows(_ database: any EngineDatabase) throws -> [[SQLValue]] {
        try use(database) { try $0.run("SELECT a, b FROM t ORDER BY a").rows }
    }

    /// Builds a copy out of sets that went through the form in which they are shipped, and answers its path.
    func restore(_ sets: [PageSet]) throws -> String {
        replicas += 1
        let target = directory.file("replica\(replicas).db")
        let builder = try engine.build(at: target)
        for set in try shipped(sets) { try builder.apply(set) }
        try builder.finish()
        return target
    }

    /// The rows of a copy. The copy is checked, and left closed.
    func rows(at path: String) throws -> [[SQLValue]] {
        try engine.verify(path)
        let copy = try engine.open(path, base: .restored)
        #expect(!copy.nextCaptureIsFull)
        let rows = try rows(copy)
        #expect(try copy.capture() == nil, "opening and reading change nothing")
        try copy.closeClean()
        return rows
    }

    func shipped(_ sets: [PageSet]) throws -> [PageSet] {
        var checksum: UInt64 = 0
        return try sets.enumerated().map { index, set in
            let encoded = try HADBP.encode(
                set, profile: engine.profile, seq: UInt64(index + 1), previousChecksum: checksum, createdAt: 0)
            checksum = encoded.chainChecksum
            return try HADBP.decode(encoded.bytes, profile: engine.profile).pages
        }
    }
}
