import Changesets
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication
import Synchronization

/// One database this node holds the lease of.
///
/// An actor on a lane of the engine pool: everything about one database happens one after the other, on a thread made
/// for blocking. What is awaited in between is named where it happens, and the state is looked at anew afterwards.
actor Tenant: Shippable {
    enum State {
        /// The lease is held, the files are closed.
        case closed
        /// The files are being brought to the head.
        case opening(Task<Void, any Error>)
        case serving(any EngineDatabase)
        /// What is published does not open. The lease is kept: nobody else could do more.
        case unopenable(Unopenable)
        /// An older state that an operator accepted: it is published as the next one, and served from then on.
        case accepting(any EngineDatabase)
        /// Nothing is served any more and everything is published: the lease is about to change hands.
        case quiesced((any EngineDatabase)?)
        /// The files are closed, everything is published, and a release was asked for that may yet happen.
        case releasing
        /// The lease is another's. This object is of no more use.
        case gone
    }

    nonisolated let database: DatabaseID
    nonisolated let record: DatabaseRecord
    nonisolated let environment: TenantEnvironment
    /// The engine of the database, unless this node has none of its kind.
    nonisolated let engine: Result<any Engine, BerthError>
    nonisolated let lane: EngineLane
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    let copy: LocalCopy
    let logger: Logger
    var state = State.closed {
        didSet {
            invariant(oldValue.mayBecome(state), "a database that was \(oldValue.name) became \(state.name)")
            servedEpoch.store(state.isServing ? epoch.value : 0, ordering: .relaxed)
        }
    }
    var epoch: Epoch {
        didSet { invariant(epoch > oldValue, "an epoch fell from \(oldValue) to \(epoch)") }
    }
    /// The published end of the chain.
    var head: ChainPosition
    /// The end of the chain including a changeset that was cut and whose publishing is under way.
    var tip: ChainPosition
    var copyID: CopyID?
    /// How far the files were captured at `head`, and at `tip`.
    var publishedMark: CaptureMark?
    var cutMark: CaptureMark?
    /// Opened where the last process of this node stopped, and not served before what it left is published.
    var catchingUp: (any EngineDatabase)?
    /// The files may be gone on with, if they prove what they are.
    var mayContinue = true
    /// Counts how often commits were given up and the published state was returned to: a request that began before
    /// must not be acknowledged after.
    var life: UInt64 = 0

    // Requests
    /// Those that hold something, or are being used.
    var streams: [UInt64: HranaStream] = [:]
    /// Those that hold nothing: kept so that their batons are good once, and forgotten whenever that is convenient.
    var restingStreams = RestingStreams()
    var nextStreamID: UInt64 = 1
    /// Answers that are sent while they are made, until they were taken to their end.
    var cursors: [UInt64: CursorRun] = [:]
    var nextCursorID: UInt64 = 1
    var turn = WriteTurn()
    nonisolated let inbox = GroupInbox()
    /// How many of the next groups give each member a savepoint, because members have failed.
    var groupsWithSavepoints = 0
    var requestsUnderWay = 0 { didSet { isBusy.store(requestsUnderWay > 0, ordering: .relaxed) } }
    /// Callers of ``open()`` that wait for an opening: its files are not closed before they had their turn.
    var openingWaiters = 0
    /// New work is sent to the successor; what is under way may finish.
    var isDraining = false
    /// When transactions still open are ended, while draining.
    var drainDeadline: Duration?
    /// What is committed could not be published in time: the draining ends without success.
    var drainIsOver = false
    var quietWaiters: [CheckedContinuation<Void, Never>] = []

    // Shipping: commits are numbered, so that an acknowledgement can wait for its own.
    var lastCommit: UInt64 = 0
    var publishedCommit: UInt64 = 0
    /// The last commit contained in the changeset under way; `nil` when none is.
    var cutCommit: UInt64?
    var publishWaiters = PublishWaiters()
    /// Writes that let a cut go first.
    var cutWaiters: [CheckedContinuation<Void, Never>] = []
    /// The next changeset has everything: what is published does not open.
    var publishesAnew = false
    /// A checkpoint failed: the next one is not tried before.
    var nextFold = Duration.zero

    /// Descriptors that are counted as this tenant's.
    var descriptors = 0

    /// Captures that failed in a row.
    var captureFailures = 0
    /// Something was captured and never shipped: the next capture has everything.
    var mustCaptureAll = false

    nonisolated let shipClock = Mutex(ShipClock())
    /// Nanoseconds on the node's clock of the last request.
    nonisolated let lastUse: Atomic<Int64>
    nonisolated let isOpen = Atomic<Bool>(false)
    /// Requests are under way.
    nonisolated let isBusy = Atomic<Bool>(false)
    /// The state is `unopenable` or `accepting`.
    nonisolated let isUnopenable = Atomic<Bool>(false)
    /// The epoch in which it is served, 0 while it is not.
    nonisolated let servedEpoch = Atomic<Int64>(0)
    /// The last epoch in which it was said that it is served.
    var reportedEpoch: Epoch?
    /// The state is `gone`.
    nonisolated let isGone = Atomic<Bool>(false)
    /// Nanoseconds on the node's clock of the first opening that failed since one succeeded, 0 when none did.
    nonisolated let failingSince = Atomic<Int64>(0)

    init(record: DatabaseRecord, lease: Lease, environment: TenantEnvironment) {
        invariant(lease.database == record.id, "a lease of another database")
        self.database = record.id
        self.record = record
        self.environment = environment
        self.engine = environment.engines.find(record.engine)
        self.lane = environment.pool.makeLane()
        self.epoch = lease.epoch
        self.head = lease.head
        self.tip = lease.head
        self.copy = LocalCopy(database: record.id, in: environment.directory)
        self.lastUse = Atomic(environment.clock.now().wholeNanoseconds)
        var logger = environment.logger
        logger[metadataKey: "database"] = "\(record.name)"
        logger[metadataKey: "epoch"] = "\(lease.epoch)"
        self.logger = logger
    }

    /// The age of the oldest commit that is not in the bucket; zero when there is none.
    nonisolated func shipLag(now: Duration) -> Duration { shipClock.withLock { $0.lag(at: now) } }

    /// How far the bucket is behind: what writes are pushed back for.
    var bucketLag: Duration {
        let now = environment.clock.now()
        return shipClock.withLock { $0.bucketLag(at: now) }
    }

    /// Rule 2, as far as it is this database's: the lease is held and served in the epoch a request began in, and
    /// nothing the request saw or did was given up since.
    func isServing(_ request: RequestUnderWay) -> Bool {
        guard case .serving = state else { return false }
        return epoch == request.epoch && life == request.life && environment.gate.isOpen
    }

    var needsAttention: Bool { !streams.isEmpty || turn.hasWaiters || !publishWaiters.isEmpty || owesCheckpoint }

    /// Ends what has waited too long.
    ///
    /// - Returns: whether there is anything left to watch.
    func expire() -> Bool {
        let now = environment.clock.now()
        turn.expire(at: now)
        publishWaiters.expire(at: now)
        retryOwedCheckpoint()
        for stream in streams.values where stream.isWaitingForClient {
            let isWaitedFor = isDraining || turn.owner == stream.id && turn.hasWaiters
            let patience = stream.cursor == nil ? environment.settings.streamTimeout : environment.settings.cursorTimeout
            let limit = isWaitedFor ? min(patience, environment.settings.idleTransactionTimeout) : patience
            if now - stream.lastUse >= limit { close(stream) }
        }
        resumeQuietWaitersIfQuiet()
        return needsAttention
    }
}

extension Duration {
    var wholeNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
