/// What a connection tells its client of what that client changed last: `last_insert_rowid()`, `changes()` and
/// `total_changes()` of SQLite.
///
/// Connections are shared between clients, statement by statement; these numbers go with the client, so that it sees its own and
/// never another one's. Those of a client that has done nothing yet are 0.
public struct SessionCounters: Sendable, Hashable {
    public var lastInsertRowID: Int64
    public var changes: Int64
    public var totalChanges: Int64

    public init(lastInsertRowID: Int64 = 0, changes: Int64 = 0, totalChanges: Int64 = 0) {
        self.lastInsertRowID = lastInsertRowID
        self.changes = changes
        self.totalChanges = totalChanges
    }
}
