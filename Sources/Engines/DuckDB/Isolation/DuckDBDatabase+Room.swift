import FleetModel

extension DuckDBDatabase {
    /// Bytes of the main file that hold nothing and are written to before it grows; 0 when that cannot be found out.
    func freeBytes() -> Int64 {
        // A connection of its own: those of clients may be in the middle of the write that asks.
        guard !health.isInvalid, let observer = try? observer() else { return 0 }
        let question = "SELECT free_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database()"
        guard case .integer(let bytes)? = (try? observer.execute(SQLStatement(question)))?.rows.first?.first else { return 0 }
        return bytes
    }

    /// Checkpoints a log of any size, so that the place of what was deleted is free, unless a transaction or a cursor is open.
    func makeRoom() {
        // Opening the files anew would close the connection that asks.
        guard !health.isInvalid else { return }
        // A statement that has run may have temporary files until it is forgotten.
        if quota.hasTemporaryFiles { for connection in connections where connection.isIdle { connection.cache.removeAll() } }
        // What cannot be done now is tried with the next write.
        try? foldLog()
    }
}
