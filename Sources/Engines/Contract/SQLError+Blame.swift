public import FleetModel

extension SQLError {
    /// Whether an opening failed by what the files hold, so that the same files fail on every node; otherwise by what this machine
    /// lacks at the moment: memory, descriptors, its disk, a lock.
    public var blamesFiles: Bool {
        // An engine that cannot read on in its log may call that an input/output error.
        if message.contains("replaying WAL") && code != "DUCKDB_OUT_OF_MEMORY" { return true }
        return !Self.machine.contains { code.hasPrefix($0) }
    }

    private static let machine = [
        "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PERM", "SQLITE_READONLY",
        "SQLITE_INTERRUPT", "SQLITE_PROTOCOL", "SQLITE_NOLFS", "DUCKDB_IO", "DUCKDB_OUT_OF_MEMORY", "DUCKDB_CONNECTION", "DUCKDB_INTERRUPT",
        "DUCKDB_SETTINGS", "DUCKDB_PERMISSION", "DUCKDB_MISSING_EXTENSION",
    ]
}
