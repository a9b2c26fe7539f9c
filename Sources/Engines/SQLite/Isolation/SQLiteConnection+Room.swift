import CSQLite
import FleetModel

/// What a statement may make of the files.
extension SQLiteConnection {
    /// Before a statement runs.
    ///
    /// - Throws: `SQLITE_FULL`, `NODE_DISK_FULL` for one that adds to a database that is full. It has done nothing then, and an open transaction
    ///   stays open: SQLite itself rolls back the whole of one that finds the disk full.
    func beginFiles(for statement: PreparedStatement) throws(SQLError) {
        files.isFoundByName = statement.kind == .vacuum
        files.begin()
        guard statement.adds else { return }
        guard files.use.disk?.hasRoom() ?? true else { throw files.use.error(.disk) }
        files.ceiling = try ceiling()
    }

    /// Bytes that all files may have while a statement runs that adds to the database.
    private func ceiling() throws(SQLError) -> Int64 {
        let use = files.use
        // What is free matters only in a database that is not small.
        guard use.total > use.maximumBytes / 2 else { return use.maximumBytes }
        let free = try runTrusted("PRAGMA freelist_count").flatMap { Int64($0) } ?? 0
        let ceiling = use.maximumBytes + free * pageSize
        guard use.total >= ceiling else { return ceiling }
        let log = writtenLog
        guard log + use.temporary <= use.freeLogBytes || use.main + log + use.temporary < ceiling else { throw use.error(.size) }
        return ceiling
    }

    /// Bytes of the log behind which the next transaction writes: what one left there that was rolled back is written over.
    private var writtenLog: Int64 {
        guard !holdsWriteLock, let index = try? walIndex() else { return files.use.log }
        return Int64(WALHeader.byteCount) + Int64(index.frameCount) * (Int64(WALFrame.headerByteCount) + pageSize)
    }
}
