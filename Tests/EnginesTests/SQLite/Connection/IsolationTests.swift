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
        "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA synchronous = OFF", "PRAGMA synchronous = FULL", "PRAGMA writable_schema = ON",
        "PRAGMA max_page_count = 1000000000", "PRAGMA temp_store_directory = '/tmp'", "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA page_size = 8192", "PRAGMA encoding = 'UTF-16'", "PRAGMA auto_vacuum = FULL", "PRAGMA trusted_schema = OFF",
        "PRAGMA schema_version = 7", "PRAGMA unheard_of", "PRAGMA query_only = ON", "PRAGMA ignore_check_constraints = 1",
        "EXPLAIN PRAGMA synchronous = OFF", "PRAGMA Journal_Mode = delete", "PRAGMA data_version = 3", "PRAGMA main.synchronous(0)",
        "EXPLAIN SELECT 1", "explain/**/DELETE FROM t", "EXPLAIN", "EXPLAIN -- QUERY PLAN\nSELECT 1",
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
        "PRAGMA incremental_vacuum(1)", "PRAGMA legacy_alter_table = ON", "EXPLAIN QUERY PLAN SELECT * FROM t", "explain /* a */ query plan DELETE FROM t",
        "SELECT name FROM pragma_table_info('t')", "VACUUM", "ANALYZE", "REINDEX",
        "CREATE TEMP TABLE x (a)", "CREATE VIRTUAL TABLE g USING rtree(id, a, b)", "CREATE VIRTUAL TABLE g USING fts4(a)",
    ])
    func allowed(_ sql: String) { #expect(connection.code(sql) == nil) }

    /// Nobody finds what another client sent, nor pages instead of rows.
    @Test(arguments: [
        "SELECT sql FROM sqlite_stmt", "SELECT count(*) FROM main.sqlite_stmt", "SELECT * FROM dbstat", "SELECT * FROM dbstat('main')",
        "CREATE VIRTUAL TABLE s USING dbstat", "CREATE VIRTUAL TABLE temp.s USING dbstat(main)", "SELECT * FROM sqlite_dbpage",
        "INSERT INTO sqlite_dbpage VALUES (1, zeroblob(4096))", "SELECT * FROM bytecode('SELECT 1')", "SELECT * FROM fsdir('/')",
    ])
    func tablesThatTellMoreAreNotThere(_ sql: String) throws {
        #expect(connection.code(sql) == "SQLITE_ERROR")
        try connection.run("CREATE VIEW seen AS SELECT * FROM sqlite_stmt, dbstat")
        #expect(connection.code("SELECT * FROM seen") == "SQLITE_ERROR")
        // Readers are connections, too.
        let other = try database.takeConnection()
        #expect(other.code(sql) == "SQLITE_ERROR")
        database.giveBack(other)
    }

    @Test func tablesOfTenantsAreThere() throws {
        for (name, module) in [("a", "fts3(x)"), ("b", "fts4(x)"), ("c", "fts5(x)"), ("d", "rtree(id, a, b)"), ("e", "rtree_i32(id, a, b)")] {
            try connection.run("CREATE VIRTUAL TABLE \(name) USING \(module)")
        }
        try connection.run("CREATE VIRTUAL TABLE f USING fts5vocab('c', 'row')")
        try connection.run("CREATE VIRTUAL TABLE g USING fts4aux('b')")
        #expect(try connection.value("SELECT count(*) FROM json_each('[1, 2]')") == .integer(2))
        #expect(try connection.value("SELECT count(*) FROM json_tree('[1, 2]')") == .integer(3))
        #expect(try connection.value("SELECT count(*) FROM pragma_table_info('t')") == .integer(1))
    }

    /// What applications send when they connect: answered with the value in force, whether it was asked for or not.
    @Test(arguments: [
        ("busy_timeout = 5000", .integer(0)), ("cache_size = -64000", .integer(-2048)), ("cache_size(1)", .integer(-2048)),
        ("temp_store = FILE", .integer(2)), ("temp_store = memory", .integer(2)), ("read_uncommitted = 1", .integer(0)),
        ("read_uncommitted", .integer(0)), ("journal_size_limit = 67108864", .integer(-1)), ("wal_autocheckpoint = 10", .integer(0)),
        ("mmap_size = 30000000000", .integer(0)), ("threads = 8", .integer(0)), ("cell_size_check = ON", .integer(0)),
        ("automatic_index = OFF", .integer(1)), ("reverse_unordered_selects = 1", .integer(0)), ("journal_mode = WAL", .text("wal")),
        ("main.journal_mode('wal')", .text("wal")), ("synchronous = NORMAL", .integer(1)), ("synchronous(1)", .integer(1)),
        ("locking_mode = NORMAL", .text("normal")), ("page_size = 4096", .integer(4096)), ("encoding = 'UTF-8'", .text("UTF-8")),
        ("encoding = UTF8", .text("UTF-8")), ("auto_vacuum = NONE", .integer(0)), ("trusted_schema = on", .integer(1)),
        ("writable_schema = OFF", .integer(0)), ("query_only = false", .integer(0)), ("query_only", .integer(0)),
        ("ignore_check_constraints = no", .integer(0)), ("legacy_alter_table", .integer(0)), ("hard_heap_limit", .integer(0)),
        ("soft_heap_limit = 1", .integer(0)), ("cache_spill = 0", .integer(483)), ("fullfsync = 1", .integer(0)),
    ] as [(String, SQLValue)])
    func settingsThatAreLeftAlone(_ pragma: String, _ value: SQLValue) throws {
        let result = try connection.run("PRAGMA \(pragma)")
        #expect(result.columns.count == 1 && result.rows.count == 1)
        if !pragma.hasPrefix("cache_spill") { #expect(result.rows == [[value]]) }
        // Nothing was changed by it, nor by a script.
        try connection.executeScript("SELECT 1; PRAGMA \(pragma); SELECT 2")
        #expect(try connection.run("PRAGMA \(pragma)").rows == result.rows)
        #expect(try connection.value("PRAGMA cache_size") == .integer(-2048))
        #expect(try connection.value("PRAGMA busy_timeout") == .integer(0))
        #expect(try connection.value("PRAGMA journal_mode") == .text("wal"))
        #expect(try !connection.needsWriteTurn("PRAGMA \(pragma)"))
    }

    /// Of what a setting was refused for, the message tells what is in force.
    @Test func aRefusedSettingSaysWhatIsInForce() {
        #expect(connection.error("PRAGMA journal_mode = DELETE")?.message.contains("anything but wal") == true)
        #expect(connection.error("PRAGMA synchronous = OFF")?.message.contains("anything but 1") == true)
        #expect(connection.error("PRAGMA query_only = ON")?.message.contains("BEGIN READONLY") == true)
    }

    /// Tenants see no path of the node.
    @Test(arguments: [
        "PRAGMA database_list", "PRAGMA main.database_list", "SELECT * FROM pragma_database_list", "SELECT file FROM pragma_database_list()",
        "SELECT hex(file), substr(file, 2) || '' FROM pragma_database_list", "SELECT * FROM listed",
        "WITH l AS (SELECT file AS f FROM pragma_database_list) SELECT max(f) FROM l WHERE f LIKE '%a.db'",
    ])
    func thePathIsNotShown(_ sql: String) throws {
        try connection.run("CREATE VIEW listed AS SELECT name, file FROM pragma_database_list")
        let result = try connection.run(sql)
        #expect(!"\(result.rows)".contains("a.db") && !"\(result.rows)".contains("2E6462"))
        if sql.hasPrefix("PRAGMA") {
            #expect(result.columns.map(\.name) == ["seq", "name", "file"])
            #expect(result.rows == [[.integer(0), .text("main"), .text("")]])
        }
    }

    @Test func anOpeningThatFailsDoesNotTellThePath() throws {
        let error = #expect(throws: SQLError.self) { try SQLiteDatabase(path: directory.file("none/there.db")) }
        #expect(error?.code == "SQLITE_CANTOPEN" && error?.message.contains("there.db") == false)
    }

    @Test(arguments: [true, false]) func foreignKeysAreEnforcedAsTheDatabaseSays(_ isEnforced: Bool) throws {
        let engine = SQLiteEngine()
        let database = try engine.open(directory.file("keys.db"), base: .empty, settings: DatabaseSettings(foreignKeys: isEnforced))
        let connection = try database.takeConnection()
        try connection.executeScript("CREATE TABLE p (a PRIMARY KEY); CREATE TABLE c (a REFERENCES p);", limits: .unlimited)
        let insert = "INSERT INTO c VALUES (7)"
        #expect(connection.code(insert) == (isEnforced ? "SQLITE_CONSTRAINT_FOREIGNKEY" : nil))
        // A client decides for itself, as long as it has the connection.
        try connection.run("PRAGMA foreign_keys = \(isEnforced ? "OFF" : "ON")")
        #expect(connection.code(insert) == (isEnforced ? nil : "SQLITE_CONSTRAINT_FOREIGNKEY"))
        #expect(connection.hasSessionState)
        database.giveBack(connection)
        let others = [try database.takeConnection(), try database.takeConnection()]
        for other in others { #expect(try other.value("PRAGMA foreign_keys") == .integer(isEnforced ? 1 : 0)) }
    }

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
        ("RELEASE a", false), ("BEGIN READONLY", false), ("EXPLAIN QUERY PLAN DELETE FROM t", false),
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
