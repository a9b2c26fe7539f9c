import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication
import Synchronization

/// One database this node holds the lease of: what leases, acknowledging, shipping and moving need. Its requests are carried out, and its files are
/// open, in an ``EngineHost``.
///
/// An actor that waits for its database in no other way than by `await`: the state is looked at anew afterwards.
actor Tenant: Shippable, Expiring {
    enum State {
        /// The lease is held, the files are closed.
        case closed
        /// The files are being brought to the head.
        case opening(Task<Void, any Error>)
        case serving(any HostedDatabase)
        /// Nobody used it: the files are being closed.
        case closing(Task<Void, Never>)
        /// What is published does not open. The lease is kept: nobody else could do more.
        case unopenable(Unopenable)
        /// An older state that an operator accepted: it is published as the next one, and served from then on.
        case accepting(any HostedDatabase)
        /// Nothing is served any more and everything is published: the lease is about to change hands.
        case quiesced((any HostedDatabase)?)
        /// The files are closed, everything is published, and a release was asked for that may yet happen.
        case releasing
        /// The lease is another's. This object is of no more use.
        case gone
    }

    /// The changeset under way.
    enum Changeset: Equatable {
        case none
        /// It was asked for.
        case asked
        /// It contains everything up to this commit, and is the shipper's.
        case cut(commit: UInt64)
    }

    nonisolated let database: DatabaseID
    nonisolated let record: DatabaseRecord
    nonisolated let environment: TenantEnvironment
    /// The engine of the database, unless this node has none of its kind.
    nonisolated let engine: Result<any Engine, BerthError>
    nonisolated let lane: EngineLane
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    // Made when they are wanted: thousands of databases are kept that nobody uses.
    nonisolated var copy: LocalCopy { LocalCopy(database: database, in: environment.directory) }
    var logger: Logger {
        var logger = environment.logger
        logger[metadataKey: "database"] = "\(record.name)"
        logger[metadataKey: "epoch"] = "\(epoch)"
        return logger
    }
    var state = State.closed {
        didSet {
            invariant(oldValue.mayBecome(state), "a database that was \(oldValue.name) became \(state.name)")
            isOpen.store(state.isServing, ordering: .relaxed)
            if state.isServing { environment.openTenants.insert(self) } else { environment.openTenants.remove(self) }
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
    /// Opened where the last process of this node stopped, and not served before what it left is published.
    var catchingUp: (any HostedDatabase)?
    /// The files may be gone on with, if they prove what they are.
    var mayContinue = true
    /// The host of the database ended. Its files are what was committed under this lease: they are opened as they are.
    var filesAreKept = false
    /// Attempts in a row to open what a host left, and when the next is due.
    var reopenings = 0
    var nextReopening = Duration.zero
    /// How often it was in quarantine, as far as that was told.
    var refusals = 0
    /// The last opening of which the host ended.
    var lostOpening: UInt64?
    /// Callers of ``open()`` that wait for an opening: its files are not closed before they had their turn.
    var openingWaiters = 0
    /// New work is sent to the successor; what is under way may finish.
    var isDraining = false { didSet { isUrgent.store(isDraining, ordering: .relaxed) } }
    /// What is committed could not be published in time: the draining ends without success.
    var drainIsOver = false
    var quietWaiters = Waiters()
    var changeset = Changeset.none
    /// The next changeset has everything: what is published does not open.
    var publishesAnew = false
    /// Captures that failed in a row.
    var captureFailures = 0

    nonisolated let ledger = Mutex(TenantLedger())
    nonisolated let shipClock = Mutex(ShipClock())
    /// Nanoseconds on the node's clock of the last request.
    nonisolated let lastUse: Atomic<Int64>
    nonisolated let isOpen = Atomic<Bool>(false)
    /// Its changesets are waited for.
    nonisolated let isUrgent = Atomic<Bool>(false)
    /// The state is `unopenable` or `accepting`.
    nonisolated let isUnopenable = Atomic<Bool>(false)
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
        self.lastUse = Atomic(environment.clock.now().wholeNanoseconds)
    }

    /// The age of the oldest commit that is not in the bucket; zero when there is none.
    nonisolated func shipLag(now: Duration) -> Duration { shipClock.withLock { $0.lag(at: now) } }

    /// How far the bucket is behind: what writes are pushed back for.
    nonisolated var bucketLag: Duration {
        let now = environment.clock.now()
        return shipClock.withLock { $0.bucketLag(at: now) }
    }

    /// The epoch in which it is served; `nil` while it is not.
    nonisolated var servedEpoch: Epoch? { ledger.withLock { $0.service?.epoch } }

    var needsAttention: Bool { !ledger.withLock { $0.waiters.isEmpty } || mustReopen }

    /// Ends what has waited too long.
    ///
    /// - Returns: whether there is anything left to watch.
    func expire() -> Bool {
        let now = environment.clock.now()
        ledger.withLock { $0.expire(at: now) }
        if mustReopen, now >= nextReopening {
            // What its host left is on this disk alone. Why it cannot be opened is in its log.
            let delays = environment.settings.reopenDelay
            nextReopening = now + min(delays.lowerBound * (1 << min(reopenings, 20)), delays.upperBound)
            reopenings += 1
            Task { try await self.open() }
        }
        return needsAttention
    }

    private var mustReopen: Bool {
        guard case .closed = state else { return false }
        return filesAreKept && !ledger.withLock { $0.isAllPublished }
    }
}

extension Duration {
    var wholeNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
