public import Changesets
public import FleetModel

/// A database with commits that are not in the bucket yet.
public protocol Shippable: AnyObject, Sendable {
    nonisolated var database: DatabaseID { get }

    /// Cuts the next changeset: everything committed since the last one.
    ///
    /// From the first publish attempt on, a changeset is immutable: until `shipped` was called no other is cut.
    /// - Returns: `nil` when there is nothing to ship.
    func cut() async -> CutChangeset?

    /// The outcome for the changeset cut last.
    func shipped(_ outcome: ShipOutcome) async
}

/// A changeset as it was cut, with its place on the chain.
public struct CutChangeset: Sendable {
    public var epoch: Epoch
    /// The position it extends.
    public var previous: ChainPosition
    /// The position after it.
    public var position: ChainPosition
    public var pageSize: Int
    /// Unix milliseconds.
    public var createdAt: Int64
    /// In `.hadbp` form.
    public var contents: ChangesetContents
    /// In the spool folder, for the files of the changeset and of its bundle.
    public var room: ByteReservation?

    public init(
        epoch: Epoch, previous: ChainPosition, position: ChainPosition, pageSize: Int, createdAt: Int64, bytes: [UInt8]
    ) {
        self.init(
            epoch: epoch, previous: previous, position: position, pageSize: pageSize, createdAt: createdAt, contents: .bytes(bytes))
    }

    public init(
        epoch: Epoch, previous: ChainPosition, position: ChainPosition, pageSize: Int, createdAt: Int64,
        contents: ChangesetContents, room: ByteReservation? = nil
    ) {
        self.epoch = epoch
        self.previous = previous
        self.position = position
        self.pageSize = pageSize
        self.createdAt = createdAt
        self.contents = contents
        self.room = room
    }
}

public enum ShipOutcome: Sendable, Hashable {
    /// Stored in the bucket and the head advanced to it: safe for ever.
    case published
    /// The lease is another's. What was cut will never be published.
    case fenced
    /// The lease is held, and its head is not on this copy's chain. The copy must be restored.
    case diverged(head: ChainPosition)
}
