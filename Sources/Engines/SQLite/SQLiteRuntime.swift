import CSQLite

/// SQLite's process-wide settings, applied once before its first use.
///
/// Nothing else in the process may use SQLite before the first ``SQLiteDatabase`` is opened or `start()` is called.
public enum SQLiteRuntime {
    /// Whether the settings took effect; `false` when something had initialised SQLite before. Databases then work the
    /// same and take about twice the memory.
    public static let isTuned: Bool = {
        // No pre-allocated page slots: 59 instead of 134 KiB per open small database.
        let pageCache = berth_sqlite_config_no_pagecache()
        // No memory statistics: they put a process-wide mutex around every allocation.
        let statistics = berth_sqlite_config_single_use_memstatus(0)
        return sqlite3_initialize() == SQLITE_OK && pageCache == SQLITE_OK && statistics == SQLITE_OK
    }()

    /// Applies the settings if that has not happened yet.
    public static func start() { _ = isTuned }
}
