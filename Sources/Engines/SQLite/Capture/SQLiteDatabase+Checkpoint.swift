import FleetModel
import CSQLite
import Foundation

extension SQLiteDatabase {
    public enum CheckpointMode: Sendable, Hashable {
        /// Leaves the WAL's length; the next writer overwrites it from the start.
        case restart
        /// Cuts the WAL to nothing.
        case truncate
    }

    /// Bytes of the WAL on disk; decides when to checkpoint.
    public func walBytes() throws(CaptureError) -> Int {
        try mapFailure { () throws(FileFailure) in try FileSystem.size(walPath) ?? 0 }
    }

    /// Moves the WAL into the main file, durably. Only what is captured is ever checkpointed.
    ///
    /// - Returns: whether the WAL is empty now. `false` when a transaction, reading or writing, holds it: try again later.
    /// - Throws: ``CaptureError/uncaptured(path:)`` when there are commits to capture first.
    public func checkpoint(_ mode: CheckpointMode = .truncate) throws(CaptureError) -> Bool {
        guard try !hasUncaptured() else { throw .uncaptured(path: walPath) }
        guard let handle = primary.handle else { throw .engine(SQLiteConnection.closed) }
        // It commits nothing: should it fail, the WAL still has everything.
        primary.context.isWriting = false
        // Reads that overlap would never let the log begin again. A long one holds it, as an open transaction does.
        func move(_ isAtRest: Bool) -> Int32 {
            sqlite3_wal_checkpoint_v2(handle, "main", mode == .truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART, nil, nil)
        }
        let code = readers?.paused(move) ?? move(true)
        switch code & 0xFF {
        case SQLITE_OK:
            watermark = mode == .truncate ? .mainFile : watermark.afterCheckpoint
            return true
        case SQLITE_BUSY, SQLITE_LOCKED:
            // Everything may have been moved all the same; then the next writer begins the WAL anew.
            watermark = watermark.afterCheckpoint
            return false
        default:
            watermark = watermark.afterCheckpoint
            throw .engine(primary.failure(code))
        }
    }

    /// Closes so that the main file alone is the database, and may be opened again as ``CaptureBase/restored``.
    ///
    /// Rolls back what is open, checkpoints, closes, and removes the empty `-wal` and the `-shm`. When it throws, the
    /// database is still open.
    public func closeClean() throws(CaptureError) {
        for connection in connections { close(connection) }
        primary.endOpenWork()
        do { try primary.rollback() } catch { throw .engine(error) }
        readers?.shut()
        do throws(CaptureError) {
            guard try checkpoint(.truncate) else { throw .transactionOpen(path: path) }
        } catch {
            readers?.open()
            throw error
        }
        close()
        try mapFailure { () throws(FileFailure) in
            try FileSystem.remove(walPath)
            try FileSystem.remove(path + "-shm")
        }
    }

    /// Makes everything committed so far survive a power loss, on this disk.
    ///
    /// Commits themselves are not synced (`synchronous = NORMAL`).
    public func syncWAL() throws(CaptureError) {
        try mapFailure { () throws(FileFailure) in
            guard try FileSystem.size(walPath) != nil else { return }
            try PosixFile(walPath, O_RDWR).sync()
            try FileSystem.syncDirectory(of: walPath)
        }
    }
}
