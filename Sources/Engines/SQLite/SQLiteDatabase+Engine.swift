public import FleetModel

extension SQLiteDatabase: EngineDatabase {
    /// Kept for the next request, beside the primary; more than a few requests of one database are rarely under way.
    private static let keptConnections = 1

    public func takeConnection() throws(SQLError) -> any EngineConnection {
        if let connection = idle.popLast() { return connection }
        return try makeConnection()
    }

    public func giveBack(_ connection: any EngineConnection) {
        guard let connection = connection as? SQLiteConnection else { return }
        let isPrimary = connection === primary
        // One whose transaction cannot be ended is of no more use; closing ends it. The primary lives as long as this.
        let isClean = (try? connection.resetSession()) != nil
        if isPrimary || isClean && idle.count <= Self.keptConnections { idle.append(connection) } else { close(connection) }
    }

    /// Counted by SQLite's own hook.
    public var commitMark: UInt64 { committed.commits }

    public func checkpoint(above bytes: Int) throws(CaptureError) {
        if try walBytes() >= bytes { _ = try checkpoint() }
    }
}

extension SQLiteConnection: EngineConnection {}
