import Engines
import FleetModel

/// What one client keeps between its requests: a transaction, stored SQL. Confined to the database's actor.
final class HranaStream {
    let id: UInt64
    let access: AccessRights
    /// It may outlast its first request.
    let isKept: Bool
    /// Held while a transaction is open, or once the client left something on it; otherwise connections are shared.
    var connection: (any EngineConnection)?
    var storedSQL: [Int32: String] = [:]
    /// What it is told of its own changes, while it has no connection.
    var counters: SessionCounters
    /// The only sequence number the next baton may carry.
    var sequence: UInt64 = 0
    var lastUse: Duration
    /// Since when it has been seen to show one state of the database, to a client that may come back.
    var snapshotSince: Duration?
    /// A request of this stream is being carried out.
    var isBusy = false
    /// The answer under way, of which the client takes piece after piece.
    var cursor: CursorRun?
    /// Forgotten by its tenant: a request that still holds it must not go on as if its transaction were there.
    var isClosed = false

    init(id: UInt64, access: AccessRights, isKept: Bool, counters: SessionCounters, now: Duration) {
        self.id = id
        self.counters = counters
        self.access = access
        self.isKept = isKept
        self.lastUse = now
    }

    /// Nothing of it is being carried out right now: no request, or one that waits for its client to read on.
    var isWaitingForClient: Bool { cursor.map { !$0.isAtWork } ?? !isBusy }

    /// There is something that only this object has: it counts, and it ends when its client stays away. All other streams could as
    /// well be new ones.
    var holdsSomething: Bool { isBusy || cursor != nil || connection != nil || !storedSQL.isEmpty }

    /// Rows that wait for its client are of the state the database was in when they were asked for.
    var hasOpenRows: Bool { cursor.map { $0.rows != nil || $0.readerRows != nil } ?? false }

    var hasOpenTransaction: Bool { connection.map { !$0.isAutocommit } ?? false }
}
