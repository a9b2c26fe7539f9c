import Engines
import FleetModel
import Testing

@Suite struct IsolationTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    var connection: SQLiteConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("a.db"))
        try connection.executeScript("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);")
    }

    @Test(arguments: [
        "ATTACH 'other.db' AS o", "ATTACH '' AS o", "ATTACH ':memory:' AS o", "ATTACH (SELECT 'x') AS o", "DETACH main",
        "SELECT load_extension('x')", "SELECT fts3_tokenizer('simple')", "PRAGMA journal_mode = DELETE",
        "PRAGMA main.journal_mode = 'memory'", "PRAGMA journal_mode(off)", "PRAGMA wal_checkpoint",
        "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_autocheckpoint = 10", "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = 1000000", "PRAGMA cache_size", "PRAGMA writable_schema = ON", "PRAGMA mmap_size = 1000000",
        "PRAGMA max_page_count = 1000000000", "PRAGMA temp_store_directory = '/tmp'", "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA page_size = 8192", "PRAGMA encoding = 'UTF-16'", "PRAGMA auto_vacuum = FULL", "PRAGMA trusted_schema = ON",
        "PRAGMA temp_store = FILE", "PRAGMA busy_timeout = 100000", "PRAGMA schema_version = 7", "PRAGMA unheard_of",
        "EXPLAIN PRAGMA synchronous = OFF", "PRAGMA Journal_Mode = delete",
    ])
    func refused(_ sql: String) throws {
        #expect(connection.code(sql) == "SQLITE_AUTH")
        let error = #expect(throws: SQLError.self) { try connection.run(sql) }
        #expect(error?.message.contains("allowed") == true || error?.message.contains("not set") == true)
        #expect(connection.code("SELECT 1") == nil)
    }

    @Test(arguments: [
        "PRAGMA table_info(t)", "PRAGMA table_xinfo('t')", "PRAGMA table_list", "PRAGMA index_list(t)",
        "PRAGMA index_info(x)", "PRAGMA index_xinfo(x)", "PRAGMA foreign_key_list(t)", "PRAGMA foreign_key_check",
        "PRAGMA foreign_keys", "PRAGMA foreign_keys = ON", "PRAGMA user_version = 3", "PRAGMA application_id",
        "PRAGMA integrity_check", "PRAGMA quick_check(1)", "PRAGMA page_count", "PRAGMA page_size",
        "PRAGMA freelist_count", "PRAGMA encoding", "PRAGMA database_list", "PRAGMA collation_list",
        "PRAGMA function_list", "PRAGMA compile_options", "PRAGMA recursive_triggers = 1",
        "PRAGMA case_sensitive_like = 1", "PRAGMA defer_foreign_keys = 1", "PRAGMA journal_mode", "PRAGMA synchronous",
        "PRAGMA optimize", "PRAGMA analysis_limit = 100", "PRAGMA secure_delete = FAST", "PRAGMA auto_vacuum",
        "PRAGMA incremental_vacuum(1)", "SELECT name FROM pragma_table_info('t')", "VACUUM", "ANALYZE", "REINDEX",
        "CREATE TEMP TABLE x (a)", "CREATE VIRTUAL TABLE g USING rtree(id, a, b)", "CREATE VIRTUAL TABLE g USING fts4(a)",
    ])
    func allowed(_ sql: String) { #expect(connection.code(sql) == nil) }

    @Test func vacuumIntoIsRefusedAndLeavesNothing() throws {
        for target in ["'\(directory.file("copy.db"))'", "'file:copy?mode=memory'", "':memory:'", "?"] {
            let arguments: SQLArguments = target == "?" ? .positional([.text(directory.file("copy.db"))]) : .none
            #expect(connection.code("VACUUM INTO \(target)", arguments) == "SQLITE_AUTH")
        }
        #expect(!directory.exists("copy.db"))
        #expect(connection.code("VACUUM") == nil)
    }

    @Test func settingsOfTheNodeAreInForce() throws {
        #expect(try connection.value("PRAGMA journal_mode") == .text("wal"))
        #expect(try connection.value("PRAGMA synchronous") == .integer(1))
        #expect(try connection.value("PRAGMA page_size") == .integer(4096))
        #expect(try connection.value("PRAGMA foreign_keys") == .integer(0))
        #expect(connection.code("UPDATE sqlite_master SET sql = ''") == "SQLITE_ERROR")
        #expect(SQLiteRuntime.isTuned)
    }

    /// External-content FTS5 through triggers is everywhere, and an untrusted schema forbids it.
    @Test(arguments: [true, false]) func fullTextSearchThroughTriggersNeedsATrustedSchema(_ isTrusted: Bool) throws {
        var options = SQLiteOptions()
        // Trusted by default.
        if !isTrusted { options.trustsSchema = false }
        let database = try SQLiteDatabase(path: directory.file("fts.db"), options: options)
        try database.primary.executeScript(
            """
            CREATE TABLE t (a);
            CREATE VIRTUAL TABLE search USING fts5(a, content='t', content_rowid='rowid');
            CREATE TRIGGER added AFTER INSERT ON t BEGIN
              INSERT INTO search (rowid, a) VALUES (new.rowid, new.a);
            END;
            """)
        #expect(database.primary.code("INSERT INTO t VALUES ('a quick fox')") == (isTrusted ? nil : "SQLITE_ERROR"))
        let found = try database.primary.value("SELECT a FROM search WHERE search MATCH 'quick'")
        #expect(found == (isTrusted ? .text("a quick fox") : nil))
    }

    /// What may not be written down may not be done by a view or a trigger either.
    @Test(arguments: ["load_extension('x')", "fts3_tokenizer('simple')"])
    func viewsAndTriggersAreSeenByTheAuthorizer(_ call: String) throws {
        try connection.run("CREATE TABLE hidden (a)")
        try connection.run("CREATE VIEW called AS SELECT \(call)")
        try connection.run("CREATE TRIGGER calls AFTER INSERT ON hidden BEGIN SELECT \(call); END")
        #expect(connection.code("SELECT * FROM called") != nil)
        #expect(connection.code("INSERT INTO hidden VALUES (1)") == "SQLITE_AUTH")
        #expect(try connection.value("SELECT count(*) FROM hidden") == .integer(0))
    }

    @Test func aSessionIsCleanForTheNextClient() throws {
        let before = try ["foreign_keys", "recursive_triggers", "analysis_limit", "secure_delete"].map {
            try connection.value("PRAGMA \($0)")
        }
        try connection.executeScript(
            """
            PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA analysis_limit = 77;
            PRAGMA secure_delete = FAST; PRAGMA case_sensitive_like = ON; BEGIN; DELETE FROM t;
            """)
        #expect(try connection.value("SELECT 'A' LIKE 'a'") == .integer(0))
        try connection.resetSession()
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(2))
        #expect(try connection.value("SELECT 'A' LIKE 'a'") == .integer(1))
        let after = try ["foreign_keys", "recursive_triggers", "analysis_limit", "secure_delete"].map {
            try connection.value("PRAGMA \($0)")
        }
        #expect(before == after)
    }

    @Test(arguments: [
        ("SELECT 1", false), ("INSERT INTO t VALUES (1)", true), ("WITH x AS (SELECT 1) SELECT * FROM x", false),
        ("WITH x AS (SELECT 1) DELETE FROM t", true), ("BEGIN", false), ("BEGIN DEFERRED", false), ("BEGIN IMMEDIATE", true),
        ("BEGIN EXCLUSIVE", true), ("COMMIT", false), ("END", false), ("ROLLBACK", false), ("SAVEPOINT a", false),
        ("RELEASE a", false), ("EXPLAIN DELETE FROM t", false), ("EXPLAIN QUERY PLAN DELETE FROM t", false),
        ("CREATE TABLE u (a)", true), ("CREATE TABLE IF NOT EXISTS t (a)", true), ("VACUUM", true), ("ANALYZE", true),
        ("PRAGMA user_version", false), ("PRAGMA user_version = 1", true), ("PRAGMA table_info(t)", false),
        ("PRAGMA journal_mode", false), ("PRAGMA optimize", true), ("PRAGMA incremental_vacuum", true),
        ("PRAGMA foreign_keys = ON", false), ("INSERT INTO t VALUES (1) RETURNING a", true), ("DROP TABLE t", true),
    ])
    func whatNeedsTheWriteTurn(_ sql: String, _ writes: Bool) throws {
        #expect(try connection.needsWriteTurn(sql) == writes)
        #expect(try connection.isReadOnly(sql) != writes)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(2))
    }
}
