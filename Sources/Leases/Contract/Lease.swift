public import Changesets
public import FleetModel

/// The row that says who may write one database.
public struct Lease: Sendable, Hashable {
    public var database: DatabaseID
    /// The holder; `nil` after a release and before the first acquisition. A holder whose session ended holds nothing.
    public var session: SessionID?
    public var epoch: Epoch
    /// The last published changeset.
    public var head: ChainPosition
    public var inSync: [CopyID]
    public var configVersion: Int64

    public init(
        database: DatabaseID, session: SessionID? = nil, epoch: Epoch = .zero, head: ChainPosition = .origin,
        inSync: [CopyID] = [], configVersion: Int64 = 0
    ) {
        self.database = database
        self.session = session
        self.epoch = epoch
        self.head = head
        self.inSync = inSync
        self.configVersion = configVersion
    }
}

/// What a holder believes of a lease when it changes it; the change happens only if that is still so.
public struct LeaseClaim: Sendable, Hashable {
    public var database: DatabaseID
    public var epoch: Epoch
    public var headSeq: UInt64

    public init(database: DatabaseID, epoch: Epoch, headSeq: UInt64) {
        self.database = database
        self.epoch = epoch
        self.headSeq = headSeq
    }
}

/// One bundle with the heads it advances.
public struct Publication: Sendable {
    public var session: SessionID
    /// Object name of the bundle.
    public var bundle: String
    /// Size of the object.
    public var bytes: Int64
    /// One per database: each extends its chain by exactly this entry. No database occurs twice.
    public var entries: [BundleEntry]

    public init(session: SessionID, bundle: String, bytes: Int64, entries: [BundleEntry]) {
        invariant(Set(entries.map(\.database)).count == entries.count, "a database occurs twice in one publication")
        self.session = session
        self.bundle = bundle
        self.bytes = bytes
        self.entries = entries
    }
}
