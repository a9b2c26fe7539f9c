public import FleetModel

extension SQLiteDatabase: EngineDatabase {
    /// Kept for the next request, beside the primary; more than a few requests of one database are rarely under way.
    private static let keptConnections = 1

    public func takeConnection() throws(SQLError) -> any EngineConnection {
        if !primary.isOpen { try replacePrimary() }
        if let connection = idle.popLast() { return connection }
        return try makeConnection()
    }

    public func giveBack(_ connection: any EngineConnection) {
        guard let connection = connection as? SQLiteConnection else { return }
        // One whose transaction cannot be ended, or that still has what a client left, is of no more use; closing ends it.
        let isClean = connection.isOpen && (try? connection.resetSession()) != nil
        let isPrimary = connection === primary
        if isClean && (isPrimary || idle.count <= Self.keptConnections) { return idle.append(connection) }
        close(connection)
        // Checkpoints need it. Should this fail, whoever takes the next connection is told.
        if isPrimary { try? replacePrimary() }
    }

    /// Counted by SQLite's own hook.
    public var commitMark: UInt64 { committed.commits }

    public func checkpoint(above bytes: Int) throws(CaptureError) {
        if try walBytes() >= bytes { _ = try checkpoint() }
    }
}

extension SQLiteConnection: EngineConnection {}
