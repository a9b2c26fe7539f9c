import CSQLite
import FleetModel

extension SQLiteConnection {
    /// Virtual tables for what is the tenant's. Others that a library may have tell of its connections, such as the statements that clients before sent
    /// (`sqlite_stmt`), or of the file beneath the tables, or reach outside of it. PRAGMAs as tables are not among them: those are as allowed as PRAGMAs.
    private static let modules: [StaticString] = [
        "fts3", "fts4", "fts4aux", "fts3tokenize", "fts5", "fts5vocab", "rtree", "rtree_i32", "geopoly", "json_each", "json_tree", "jsonb_each",
        "jsonb_tree", "generate_series",
    ]

    /// Pages of a new database.
    static let newPageSize = 4096

    /// Defences and limits that do not depend on the file.
    func applyLimits(_ options: SQLiteOptions) {
        guard let handle else { return }
        for (option, value) in [
            (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, options.trustsSchema ? 1 : 0),
            (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0), (SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0),
            (SQLITE_DBCONFIG_ENABLE_FKEY, options.enforcesForeignKeys ? 1 : 0),
            // Checkpoints happen only when everything is captured, so never as a side effect of closing.
            (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1),
        ] as [(Int32, Int32)] {
            _ = berth_sqlite_db_config_flag(handle, option, value)
        }
        for (limit, value) in [
            (SQLITE_LIMIT_LENGTH, options.maximumValueBytes), (SQLITE_LIMIT_SQL_LENGTH, options.maximumSQLBytes),
            (SQLITE_LIMIT_COLUMN, options.maximumColumns), (SQLITE_LIMIT_EXPR_DEPTH, options.maximumExpressionDepth),
            (SQLITE_LIMIT_VDBE_OP, options.maximumOperations),
            (SQLITE_LIMIT_COMPOUND_SELECT, options.maximumCompoundSelects),
            (SQLITE_LIMIT_VARIABLE_NUMBER, options.maximumParameters),
            (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, options.maximumPatternBytes),
            // VACUUM needs one.
            (SQLITE_LIMIT_ATTACHED, 1),
            (SQLITE_LIMIT_WORKER_THREADS, 0),
        ] {
            sqlite3_limit(handle, limit, value)
        }
        var modules = Self.modules.map { Optional(UnsafeRawPointer($0.utf8Start).assumingMemoryBound(to: CChar.self)) } + [nil]
        sqlite3_drop_modules(handle, &modules)
        sqlite3_wal_autocheckpoint(handle, 0)
        var on: Int32 = 1
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on)
    }

    /// Settings that read the file. The WAL mode must be in force.
    func applySettings(_ options: SQLiteOptions) throws(SQLError) {
        try runTrusted("PRAGMA temp_store = \(options.keepsTemporaryFiles ? "FILE" : "MEMORY")")
        try runTrusted("PRAGMA synchronous = NORMAL")
        try runTrusted("PRAGMA cache_size = -\(max(1, options.pageCacheBytes >> 10))")
        pageSize = try runTrusted("PRAGMA page_size").flatMap { Int64($0) } ?? Int64(Self.newPageSize)
        try runTrusted("PRAGMA max_page_count = \(max(1, options.maximumBytes / pageSize))")
    }

    /// Temporary tables get their limit when the first one appears: before, the connection has no temporary schema, and
    /// making one costs memory.
    func limitTemporaryTables() throws(SQLError) {
        guard context.createsTemporaryTables, !temporaryTablesAreLimited else { return }
        temporaryTablesAreLimited = true
        let pageSize = try runTrusted("PRAGMA temp.page_size").flatMap { Int64($0) } ?? Int64(Self.newPageSize)
        try runTrusted("PRAGMA temp.max_page_count = \(max(1, options.maximumTemporaryBytes / pageSize))")
    }
}
