public import FleetModel

/// Limits of every database in a host.
public struct HostSettings: Sendable, Hashable, Codable {
    /// How long a statement waits for another transaction's writes to end.
    public var writeTurnTimeout: Duration = .seconds(5)
    /// How long one statement may run.
    public var statementTimeout: Duration = .seconds(30)
    /// How long all statements of one request may take, with the time they wait; a cursor's rows, which its client takes, not counted.
    public var requestTimeout: Duration = .seconds(60)
    /// How long opening, capturing, checkpointing or checking a database may take, with a second for every 2 MiB of its files. What takes longer ends
    /// its host.
    public var upkeepTimeout: Duration = .seconds(120)
    /// How long a stream without requests keeps its transaction, or what else it holds.
    public var streamTimeout: Duration = .seconds(10)
    /// Whether a complete cursor ends with a line that says so, as the published text of the protocol has it.
    public var cursorEndLine = false
    /// How long a client may take nothing of an answer that is sent while it is made.
    public var cursorTimeout: Duration = .seconds(30)
    /// Bytes of such an answer that are made at a time.
    public var cursorPieceBytes = 64 << 10
    /// How long a stream may leave the transaction that others wait for without a request: its client may be gone. Shorter
    /// than `writeTurnTimeout`, so that whoever waits gets the turn and no error.
    public var idleTransactionTimeout: Duration = .milliseconds(2500)
    /// Streams one database may have at a time, of those that hold something or are being used.
    public var maximumStreams = 128
    /// Streams that hold nothing, of one database, whose batons are remembered so that each is good once.
    public var maximumRestingStreams = 1_024
    /// Requests that share one transaction, at most. With few, the next group is carried out while the answers of the last one
    /// are written; with many, there are fewer commits.
    public var groupRequests = 64
    /// Statements after which a group takes no further request in.
    public var groupStatements = 2_048
    /// The same for a group that has written nothing so far: there is no commit to share, and while its answers are written the
    /// next one is carried out.
    public var groupReads = 128
    /// How long a group goes on taking requests in, and how long one statement may run in it, except those of the first request. A
    /// statement that needs longer is stopped and carried out by itself afterwards: nobody waits for it with an answer that
    /// could be given already.
    public var groupTime: Duration = .milliseconds(10)
    /// Bytes one request of a group may answer; one with more is answered by itself.
    public var groupResponseBytes = 1 << 20
    /// Reads of one database that are carried out at a time beside its writer, each on a thread and a connection of its own; further ones wait for one of
    /// them. 0: the writer carries everything out.
    public var readers = 4
    /// How long a connection that reads stays open when nobody uses it.
    public var readerIdleTimeout: Duration = .seconds(5)
    /// How often it is looked whether something has waited too long.
    public var expiryInterval: Duration = .milliseconds(500)
    /// A changeset of more bytes is made in a file, never whole in memory.
    public var changesetMemoryBytes = 4 << 20
    /// Bytes of WAL after which it is checkpointed, once everything in it was captured.
    public var checkpointBytes = 4 << 20
    /// Bytes of a log that open reads keep from being emptied, at which these end.
    public var heldLogBytes = 64 << 20
    /// How long a read may stay open while it keeps the log from being emptied.
    public var heldLogTimeout: Duration = .seconds(60)
    /// How long a checkpoint that failed is not tried again.
    public var checkpointRetry: Duration = .seconds(5)
    /// When the disk is too full for databases to grow.
    public var disk = DiskLimits()
    /// Bytes a request may be answered with, and that its results may take in memory until then.
    public var responseBytes = 10 << 20

    public init() {}
}
