public import FleetModel

extension SQLiteDatabase: EngineDatabase {
    /// Kept for the next request, beside the primary; more than a few requests of one database are rarely under way.
    private static let keptConnections = 1

    public func takeConnection() throws(SQLError) -> any EngineConnection {
        do throws(CaptureError) { try reopenAfterFault() } catch {
            throw SQLError(code: "SQLITE_IOERR", message: "a write failed, and the files cannot be opened anew: \(error)")
        }
        if !primary.isOpen { try replacePrimary() }
        if let connection = idle.popLast() { return connection }
        return try makeConnection()
    }

    public func giveBack(_ connection: any EngineConnection) {
        guard let connection = connection as? SQLiteConnection else { return }
        // At once, so that a crash leaves nothing of it; should it not be possible now, the next use tries again.
        if health.fault != nil { try? reopenAfterFault() }
        // One whose transaction cannot be ended, or that still has what a client left, is of no more use; closing ends it.
        let isClean = connection.isOpen && (try? connection.resetSession()) != nil
        let isPrimary = connection === primary
        invariant(!idle.contains { $0 === connection }, "a connection is given back twice")
        invariant(!isClean || connection.isAutocommit, "a connection is given back inside a transaction")
        if isClean && (isPrimary || idle.count <= Self.keptConnections) { return idle.append(connection) }
        close(connection)
        // Checkpoints need it. Should this fail, whoever takes the next connection is told.
        if isPrimary { try? replacePrimary() }
    }

    /// Of each further connection its WAL, and the file itself, which stays open; all share the `-shm` file.
    public var descriptors: Int { SQLiteEngine.descriptorsOfDatabase + connections.count + mostConnections }
    public var descriptorsOfNextConnection: Int {
        if !idle.isEmpty { return 0 }
        return connections.count < mostConnections ? 1 : 2
    }

    public var commitMark: UInt64 {
        marks.mark(primary.commitCount)
    }

    public func checkpoint(above bytes: Int) throws(CaptureError) {
        if try walBytes() >= bytes { _ = try checkpoint() }
    }
}

extension SQLiteConnection: EngineConnection {
    public var interruptHandle: @Sendable () -> Void { interrupter.interrupt }

    /// Commits since the files were opened; `nil` when that cannot be read.
    fileprivate var commitCount: UInt64? { (try? walIndex()).map { UInt64($0.changes) } }
}

extension SQLiteConnection: ReadingConnection {
    var isIdle: Bool { isAutocommit && cursor == nil }

    /// It stays one that reads only: setting that again for each reader would cost as much as a small query.
    func becomeReady() -> Bool {
        guard isOpen else { return false }
        do throws(SQLError) {
            if hasSessionState {
                try resetSession()
            } else {
                endOpenWork()
                try rollback()
                isTransactionReadOnly = false
            }
            return true
        } catch { return false }
    }
}

extension SQLiteDatabase {
    static func makeReaders(
        _ path: String, _ options: SQLiteOptions, _ use: SQLiteDiskUse, _ marks: CommitMarks, _ clock: any FleetClock
    ) -> EngineReaders {
        EngineReaders(
            takesDescriptors: true,
            mark: { marks.mark(($0 as? SQLiteConnection)?.commitCount) },
            connect: { () throws(SQLError) in
                // What a reader fails at says nothing of what was written.
                let connection = try SQLiteConnection(path: path, options: options, use: use, health: SQLiteHealth(), create: false, clock: clock)
                try connection.applySettings(options)
                return connection
            })
    }
}
