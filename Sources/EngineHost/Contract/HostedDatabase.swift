public import Changesets
public import Engines
public import FleetModel

/// A database that is open in an ``EngineHost``.
///
/// Requests, cutting and closing are asked for in any order and from any thread; the host puts them in order. When the host is lost, what was
/// asked is answered with ``HostFailure/hostLost(_:)`` in the form each answer has for it.
public protocol HostedDatabase: AnyObject, Sendable {
    // MARK: Requests

    /// Carries out one call of the data protocol. Cancelling the task withdraws what waits.
    func serve(_ call: HostCall) async -> HostAnswer

    /// The next piece of an answer that goes on after its first; `nil` when there is no such answer any more: its host ended.
    func nextPiece(ofCursor cursor: UInt64) async -> CursorPiece?

    /// Nobody reads an answer any further.
    func cancelCursor(_ cursor: UInt64)

    /// A piece of it could not be confirmed: the answer ends, and nothing more of it is asked for.
    func cutOffCursor(_ cursor: UInt64) async

    /// An answer could not be confirmed. The baton in it is not going to arrive, so its stream ends, and the rest of it too.
    func discard(stream: UInt64?, cursor: UInt64?) async

    // MARK: Shipping

    /// Cuts the next changeset: everything committed since the last one, or everything there is.
    func cut(_ order: CutOrder) async throws(CutFailure) -> CutResult

    // MARK: The end

    /// Refuses new work, with `not_leader`, except what goes on with an open transaction. Returns once nothing is being carried out and no
    /// transaction is open, or after ``endDraining()``. Past `deadline`, on the clock of the host's owner, transactions are ended.
    func drain(until deadline: Duration) async

    /// Whoever waits in ``drain(until:)`` waits no longer.
    func endDraining()

    /// Takes new work again.
    func resume() async

    /// Moves what is left in the log into what is cut next, ahead of closing.
    ///
    /// - Returns: whether the database may be closed now, as far as its engine is concerned. Otherwise there is something to cut first
    ///   (``DatabaseOwner/committed(_:)`` was told), or the log, which may be one that cannot be replayed, could not be emptied.
    /// - Parameter head: as in ``CutOrder/head``.
    func foldForClosing(head: ChainPosition) async -> Folding

    /// Its lease has another epoch from now on, as what is on the disk has to say.
    func raise(to epoch: Epoch) async

    /// Closes the files clean, if nobody uses the database: no request, no stream that holds something, nothing in its log.
    ///
    /// - Parameter head: all that was committed is in it.
    /// - Returns: `nil` when it is not closed.
    func closeIfAtRest(head: ChainPosition) async -> Closing?

    /// Closes the files.
    ///
    /// - Parameters:
    ///   - clean: so that they are the head: nothing is committed that is not published.
    ///   - reason: what requests under way are told.
    func close(clean: Bool, because reason: BerthError) async -> Closing
}

public enum Folding: Sendable, Hashable, Codable {
    /// There is nothing in the log.
    case folded
    /// What was in it has to be cut first.
    case mustCut
    /// It could not be emptied.
    case failed
}

public enum Closing: Sendable, Hashable, Codable {
    /// The files hold exactly what was cut last.
    case clean
    /// They may hold anything.
    case dirty
}

// MARK: - Opening

/// What has to be known to open a database.
public struct DatabaseOpening: Sendable, Hashable {
    /// What its files are known to be.
    public enum Content: Sendable, Hashable {
        /// Exactly the head.
        case head
        /// What a process that died left, with what it wrote of that: it may be gone on with if that proves what it is.
        case left(CopyWatermark)
        /// What a host that ended left under this very lease, with what it wrote of that: it is the truth, whatever can be proven of it.
        case kept(CopyWatermark?)
        /// An older state than the head, of which an operator accepted that it is published as the next one.
        case older
    }

    public var database: DatabaseID
    /// For messages.
    public var name: DatabaseName
    public var engine: EngineKind
    public var settings: DatabaseSettings
    /// The node's data directory.
    public var directory: String
    public var copy: CopyID
    public var epoch: Epoch
    /// What is published.
    public var head: ChainPosition
    /// The same, or the position after it: that of a changeset which a host that ended had cut, and whose publishing is under way.
    public var tip: ChainPosition
    public var content: Content
    /// The number of the last commit there has been; those that come have the next ones.
    public var commit: UInt64

    public init(
        database: DatabaseID, name: DatabaseName, engine: EngineKind, settings: DatabaseSettings, directory: String, copy: CopyID, epoch: Epoch,
        head: ChainPosition, tip: ChainPosition? = nil, content: Content, commit: UInt64
    ) {
        self.tip = tip ?? head
        self.database = database
        self.name = name
        self.engine = engine
        self.settings = settings
        self.directory = directory
        self.copy = copy
        self.epoch = epoch
        self.head = head
        self.content = content
        self.commit = commit
    }
}

// MARK: - Cutting

public struct CutOrder: Sendable, Hashable {
    /// The published end of the chain, which the changeset extends. When the last changeset is in it, that one was published; otherwise it was given up.
    public var head: ChainPosition
    /// Everything, whatever was cut before.
    public var isWhole: Bool
    /// Bytes of pages that a changeset may have which is made in a file. With more nothing is cut, and it is said how much room it needs
    /// (``Engines/CaptureError/Remedy/room(bytes:)``).
    public var fileBytes: Int

    public init(head: ChainPosition, isWhole: Bool, fileBytes: Int = .max) {
        self.head = head
        self.isWhole = isWhole
        self.fileBytes = fileBytes
    }
}

public enum CutResult: Sendable {
    /// Everything up to this commit was rolled back, or changed nothing.
    case nothing(through: UInt64)
    case cut(Cut)
}

/// A changeset as it was cut.
public struct Cut: Sendable {
    /// The last commit it contains.
    public var commit: UInt64
    public var position: ChainPosition
    public var pageSize: Int
    /// Unix milliseconds.
    public var createdAt: Int64
    /// In `.hadbp` form.
    public var contents: ChangesetContents

    public init(commit: UInt64, position: ChainPosition, pageSize: Int, createdAt: Int64, contents: ChangesetContents) {
        self.commit = commit
        self.position = position
        self.pageSize = pageSize
        self.createdAt = createdAt
        self.contents = contents
    }
}

public struct CutFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var remedy: CaptureError.Remedy
    public var description: String

    public init(remedy: CaptureError.Remedy, description: String) {
        self.remedy = remedy
        self.description = description
    }
}
