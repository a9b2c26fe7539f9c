import Synchronization

/// What an open database needs before it goes on as if nothing had happened.
///
/// Shared by a database and its connections, on any thread.
final class DuckDBHealth: Sendable {
    private let invalid = Atomic(false)
    private let owes = Atomic(false)

    /// DuckDB refuses everything until the files are opened anew: after a fatal error, such as a checkpoint on a full disk.
    var isInvalid: Bool {
        get { invalid.load(ordering: .acquiring) }
        set { invalid.store(newValue, ordering: .releasing) }
    }

    /// The schema may have been changed since the last checkpoint. DuckDB writes such changes to its log and cannot replay every one
    /// of them (duckdb/duckdb#20543 and its like), so a log that holds them must not be all there is of a database.
    var owesCheckpoint: Bool {
        get { owes.load(ordering: .acquiring) }
        set { owes.store(newValue, ordering: .releasing) }
    }
}
