import CSQLite

/// Whether a write failed in a way after which memory and files may say different things.
///
/// Shared by a database and its connections, confined to their lane.
final class SQLiteHealth {
    enum Fault: Hashable {
        /// `SQLITE_FULL`: of the disk, or of the quota, which leaves nothing behind.
        case full
        /// `SQLITE_IOERR`, `SQLITE_NOMEM` or `SQLITE_CORRUPT`.
        case failed
        /// All connections are closed; the WAL counts up to this length in bytes, if that is known.
        case closed(walBytes: Int?)
    }

    private(set) var fault: Fault?

    /// A statement that may write failed with this extended code.
    func note(_ code: Int32) {
        if case .closed = fault { return }
        switch code & 0xFF {
        case SQLITE_IOERR, SQLITE_NOMEM: fault = .failed
        // A virtual table's own complaint says nothing of the file.
        case SQLITE_CORRUPT where code != SQLITE_CORRUPT | 1 << 8: fault = .failed
        case SQLITE_FULL: fault = fault ?? .full
        default: break
        }
    }

    func connectionsAreClosed(walBytes: Int?) { fault = .closed(walBytes: walBytes) }

    func mended() { fault = nil }
}
