@testable import Engines
import FleetModel
import Foundation
import Testing

@Suite struct DuckDBIsolationTests {
    let directory: TemporaryDirectory
    let database: DuckDBDatabase
    var connection: DuckDBConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try DuckDBDatabase(directory.file("a.db"))
        try connection.run("CREATE TABLE t (a INTEGER)")
    }

    @Test func anOpeningThatFailsDoesNotTellThePath() throws {
        let path = directory.file("junk.db")
        try Data(repeating: 7, count: 20_000).write(to: URL(filePath: path))
        for path in [path, directory.file("none/there.db")] {
            let error = #expect(throws: SQLError.self) { try DuckDBDatabase(path) }
            #expect(error?.message.isEmpty == false && error?.message.contains(directory.file("")) == false, "\(String(describing: error))")
        }
    }

    @Test(arguments: [
        "ATTACH ':memory:' AS m", "ATTACH '/tmp/x.db'", "DETACH a", "INSTALL httpfs", "LOAD httpfs", "COPY t TO '/tmp/x.csv'",
        "COPY t FROM '/etc/passwd'", "COPY (SELECT 1) TO '/dev/stdout'", "EXPORT DATABASE '/tmp/x'", "CHECKPOINT", "FORCE CHECKPOINT",
        "CALL checkpoint()", "VACUUM", "ANALYZE", "PREPARE p AS SELECT 1",
    ])
    func statementsThatAreRefused(_ sql: String) { #expect(connection.code(sql) == "DUCKDB_PERMISSION") }

    @Test(arguments: [
        "FROM '/etc/passwd'", "FROM read_csv('/etc/passwd')", "FROM read_text('/etc/passwd')", "FROM read_blob('/proc/self/environ')",
        "FROM glob('/etc/*')", "FROM read_parquet('http://127.0.0.1/x')", "IMPORT DATABASE '/tmp'", "FROM read_duckdb('/tmp/x.db')",
        "SET threads = 64", "SET memory_limit = '100GB'", "SET GLOBAL enable_external_access = true", "RESET lock_configuration",
        "SET temp_directory = '/tmp'", "PRAGMA threads = 8", "PRAGMA enable_checkpoint_on_shutdown", "SET checkpoint_threshold = '1KB'",
        "PRAGMA enable_profiling", "SET profile_output = '/tmp/x'", "SELECT getenv('HOME')", "UPDATE EXTENSIONS",
        "COPY FROM DATABASE a TO b", "SET allowed_paths = ['/etc']", "CREATE PERSISTENT SECRET s (TYPE http)",
    ])
    func nothingReachesOutside(_ sql: String) {
        #expect(connection.code(sql) != nil)
        #expect(connection.isAutocommit)
    }

    @Test func noFileComesIntoBeing() throws {
        for sql in ["COPY t TO '%'", "EXPORT DATABASE '%'", "ATTACH '%'", "SET profile_output = '%'", "EXPLAIN COPY t TO '%'", "COPY (FROM t) TO '%' (FORMAT parquet)"] {
            #expect(connection.code(sql.replacing("%", with: directory.file("new"))) != nil)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["a.db", "a.db.wal"])
    }

    @Test func anotherClientFindsNothingOfTheFormer() throws {
        let first = try database.takeConnection()
        try first.run("SET VARIABLE secret = 'mine'")
        try first.run("CREATE TEMP TABLE private AS SELECT 1")
        try first.run("CREATE SCHEMA s")
        try first.run("USE s")
        try first.run("BEGIN")
        try first.run("CREATE TABLE main.never (a INT)")
        database.giveBack(first)
        let second = try database.takeConnection()
        #expect(second.isAutocommit)
        #expect(try second.value("SELECT getvariable('secret')") == .null)
        #expect(second.code("FROM private") == "DUCKDB_CATALOG")
        #expect(second.code("FROM never") == "DUCKDB_CATALOG")
        #expect(try second.value("SELECT current_schema()") == .text("main"))
    }

    @Test func aConnectionThatIsCleanIsKept() throws {
        let first = try database.takeConnection()
        try first.run("INSERT INTO t VALUES (1)")
        database.giveBack(first)
        #expect(try database.takeConnection() === first)
    }

    @Test func afterAFatalErrorTheFilesAreOpenedAnew() throws {
        let set = try #require(try database.capture()).pages
        let first = try database.takeConnection()
        try first.run("INSERT INTO t VALUES (1)")
        // What DuckDB's own error does, which it has only when the disk fails.
        _ = connection.noted(DuckDBErrorCode.error("FATAL Error: Failed to create checkpoint"))
        let second = try database.takeConnection()
        #expect(first.code("SELECT 1") == "DUCKDB_CONNECTION" && first.isAutocommit)
        database.giveBack(first)
        #expect(try second.value("SELECT count(*) FROM t") == .integer(1))
        try second.run("INSERT INTO t VALUES (2)")
        #expect(second.code("SET threads = 8") != nil, "and locked again")
        let next = try #require(try database.capture())
        #expect(!next.isFull)
        #expect(try DuckDBReplica([set, next.pages], in: directory).dump() == database.primary.dump())
    }

    @Test func aMissingLibraryIsSaidWithItsRemedy() {
        let error = #expect(throws: BerthError.self) { try DuckDBLibrary.load(path: directory.file("libduckdb.so")) }
        #expect(error?.code == .engineUnavailable)
        #expect(error?.message.contains("ops/install-duckdb") == true)
        // A library of another kind, which does exist.
        let other = #expect(throws: BerthError.self) { try DuckDBLibrary.load(path: "libsqlite3.so.0") }
        #expect(other?.code == .engineUnavailable)
        #expect(other?.message.contains("duckdb_library_version") == true)
    }

    /// Instances are quiet: a thousand of them on a node are a thousand files, not thousands of threads.
    @Test func noThreadsRunBesideTheCaller() throws {
        func threads() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
        /// How many threads more there are with some open databases. Others of this process come and go meanwhile.
        func added(by count: Int, each: Int, _ attempt: Int) throws -> Int {
            let before = try threads()
            var others: [DuckDBDatabase] = []
            defer { for other in others { other.close() } }
            for number in 0..<count {
                let other = try DuckDBDatabase(directory.file("other\(each)-\(attempt)-\(number).db")) { $0.threads = each }
                try other.primary.run("CREATE TABLE x AS SELECT * FROM range(1000)")
                others.append(other)
            }
            return try threads() - before
        }
        #expect(try (0..<10).contains { try added(by: 16, each: 1, $0) < 16 })
        #expect(try (0..<10).contains { try added(by: 16, each: 3, $0) >= 2 * 16 }, "it would be seen")
    }
}
