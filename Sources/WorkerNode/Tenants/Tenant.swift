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
    /// What decides. Changed on this actor alone, but for what requests and hosts tell: those do not wait for it.
    nonisolated let machine: Mutex<TenantMachine>
    nonisolated let shipClock = Mutex(ShipClock())
    /// Nanoseconds on the node's clock of the last request.
    nonisolated let lastUse: Atomic<Int64>
    /// Of the files on the disk.
    var copyID: CopyID?
    var quietWaiters = Waiters()
    /// How often it was in quarantine, as far as that was told.
    var reportedRefusals = 0
    /// The last epoch in which it was said that it is served.
    var reportedEpoch: Epoch?
    private var isListed = false

    init(record: DatabaseRecord, lease: Lease, environment: TenantEnvironment) {
        invariant(lease.database == record.id, "a lease of another database")
        self.database = record.id
        self.record = record
        self.environment = environment
        self.engine = environment.engines.find(record.engine)
        self.lane = environment.pool.makeLane()
        self.machine = Mutex(TenantMachine(lease: lease))
        self.lastUse = Atomic(environment.clock.now().wholeNanoseconds)
    }

    /// The age of the oldest commit that is not in the bucket; zero when there is none.
    nonisolated func shipLag(now: Duration) -> Duration { shipClock.withLock { $0.lag(at: now) } }

    /// How far the bucket is behind: what writes are pushed back for.
    nonisolated var bucketLag: Duration {
        let now = environment.clock.now()
        return shipClock.withLock { $0.bucketLag(at: now) }
    }

    // MARK: What it is

    nonisolated var chain: TenantChain { machine.withLock { $0.chain } }
    nonisolated var epoch: Epoch { chain.epoch }
    nonisolated var head: ChainPosition { chain.head }
    /// The epoch in which it is served; `nil` while it is not.
    nonisolated var servedEpoch: Epoch? { machine.withLock { $0.ledger.service?.epoch } }
    nonisolated var isOpen: Bool { machine.withLock { $0.isServing } }
    nonisolated var isUnopenable: Bool { machine.withLock { $0.isUnopenable } }
    nonisolated var isGone: Bool { machine.withLock { $0.isGone } }
    nonisolated var isOpening: Bool { machine.withLock { $0.isOpening } }
    /// Its changesets are waited for.
    nonisolated var isDraining: Bool { machine.withLock { $0.isDraining } }
    nonisolated var isAllPublished: Bool { machine.withLock { $0.isAllPublished } }
    /// Rule 4: how long this holder has been unable to serve.
    nonisolated func unableToServe(at now: Duration) -> Duration { machine.withLock { $0.unableToServe(at: now) } }

    /// Tells the machine what happened.
    ///
    /// - Returns: what is to be done about it.
    @discardableResult
    func tell<Answer: Sendable>(_ input: (inout TenantMachine) -> Answer) -> Answer {
        let (answer, isServing) = machine.withLock { machine in
            let answer = input(&machine)
            return (answer, machine.isServing)
        }
        if isServing != isListed {
            isListed = isServing
            if isServing { environment.openTenants.insert(self) } else { environment.openTenants.remove(self) }
        }
        return answer
    }

    // MARK: Time

    var needsAttention: Bool { machine.withLock { $0.needsAttention } }

    /// Ends what has waited too long.
    ///
    /// - Returns: whether there is anything left to watch.
    func expire() -> Bool {
        let now = environment.clock.now()
        // Why it cannot be opened is in its log.
        if tell({ $0.tick(at: now, reopenDelay: environment.settings.reopenDelay) }) { Task { try await self.open() } }
        return needsAttention
    }
}

extension Duration {
    var wholeNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
