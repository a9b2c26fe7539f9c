public import FleetModel
import Foundation

extension SQLError {
    /// Whether an opening failed by what the files hold, so that the same files fail on every node; otherwise by what this machine
    /// lacks at the moment: memory, descriptors, its disk, a lock.
    public var blamesFiles: Bool {
        // An engine that cannot read on in its log may call that an input/output error; the system's own are told in its words.
        if message.contains("replaying WAL") && code != "DUCKDB_OUT_OF_MEMORY" && code != Self.temporaryFullCode { return !Self.system.contains(where: message.contains) }
        return !Self.machine.contains { code.hasPrefix($0) }
    }

    /// A statement was stopped: by its deadline, or from another thread.
    public var isInterruption: Bool { code == "SQLITE_INTERRUPT" || code == "DUCKDB_INTERRUPT" }

    /// Of calls that fail for want of something, or of a disk's health.
    private static let system = [EIO, ENOMEM, ENOSPC, EMFILE, ENFILE, EACCES, EROFS, EDQUOT].map { String(cString: strerror($0)) }

    private static let machine = [
        "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PERM", "SQLITE_READONLY",
        "SQLITE_INTERRUPT", "SQLITE_PROTOCOL", "SQLITE_NOLFS", "DUCKDB_IO", "DUCKDB_OUT_OF_MEMORY", "DUCKDB_CONNECTION", "DUCKDB_INTERRUPT",
        "DUCKDB_SETTINGS", "DUCKDB_PERMISSION", "DUCKDB_MISSING_EXTENSION", SQLError.temporaryFullCode,
    ]
}
