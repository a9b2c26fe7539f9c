import CSQLite
import Synchronization

/// SQLite's process-wide settings, applied once before its first use.
///
/// Nothing else in the process may use SQLite before the first ``SQLiteDatabase`` is opened or `start()` is called.
public enum SQLiteRuntime {
    /// Whether the settings took effect; `false` when something had initialised SQLite before. Databases then work the
    /// same and take about twice the memory.
    public static let isTuned: Bool = {
        // No pre-allocated page slots: 59 instead of 134 KiB per open small database.
        let pageCache = berth_sqlite_config_no_pagecache()
        // Memory statistics put a process-wide mutex around every allocation; without them there is no limit.
        let limit = heapLimit.withLock { $0 }
        let statistics = berth_sqlite_config_single_use_memstatus(limit == nil ? 0 : 1)
        guard sqlite3_initialize() == SQLITE_OK && pageCache == SQLITE_OK && statistics == SQLITE_OK else { return false }
        if let limit { sqlite3_hard_heap_limit64(limit) }
        return true
    }()

    private static let heapLimit = Mutex<Int64?>(nil)

    /// Applies the settings if that has not happened yet.
    ///
    /// - Parameter heapBytes: what SQLite may allocate in this process; a statement that wants more fails with `SQLITE_NOMEM`. `nil` for no limit.
    public static func start(heapBytes: Int64? = nil) {
        if let heapBytes { heapLimit.withLock { $0 = heapBytes } }
        _ = isTuned
    }
}
