public import Engines
public import FleetModel
public import Leases
public import Logging
import Metrics
public import ObjectStores
import Synchronization

/// Ships the changesets of all databases of a node: one bundle, one PUT and one publish per interval, however many
/// databases wrote.
///
/// It waits for nobody: who is asked and what leaves together is decided by ``ShipQueue``. Two bundles may be under way, and a database
/// is in one of them at most, from the moment it is asked until it was told the outcome: so its changesets reach the store in the order
/// of its chain.
public final class Shipper: Sendable {
    let session: NewSession
    let objects: any ObjectStore
    let leases: any LeaseStore
    let settings: ShipperSettings
    let clock: any FleetClock
    let random: RandomSource
    let blockingWork: BlockingWork
    let logger: Logger
    let metrics = ShipperMetrics()
    private let queue: Mutex<ShipQueue>
    private let wakeup = Wakeup()
    private let bundleNumber = Atomic<UInt64>(0)

    /// - Parameter blockingWork: where large bundles are made.
    public init(
        session: NewSession, objects: any ObjectStore, leases: any LeaseStore, settings: ShipperSettings,
        clock: any FleetClock, blockingWork: BlockingWork = .threads, random: RandomSource = .system, logger: Logger
    ) {
        self.session = session
        self.objects = objects
        self.leases = leases
        self.settings = settings
        self.clock = clock
        self.blockingWork = blockingWork
        self.random = random
        self.logger = logger
        queue = Mutex(ShipQueue(settings))
    }

    /// Says that `source` committed something. Cheap, from any thread.
    ///
    /// - Parameter urgent: do not wait for the interval; a move waits for this changeset.
    public func markDirty(_ source: any Shippable, urgent: Bool = false) {
        if queue.withLock({ $0.mark(source, urgent: urgent) }) { wakeup.signal() }
    }

    /// Ships until cancelled. A bundle that is under way is finished or, after a cancellation, given up unpublished.
    public func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let now = clock.now()
                switch queue.withLock({ $0.next(at: now) }) {
                case .ask(let sources):
                    for source in sources { group.addTask { await self.ask(source) } }
                case .send(let load):
                    group.addTask { await self.send(load) }
                case .wait(let deadline):
                    await wakeup.wait(until: deadline, clock: clock)
                }
            }
        }
    }

    func nextNumber() -> UInt64 { bundleNumber.add(1, ordering: .relaxed).newValue }

    private func ask(_ source: any Shippable) async {
        let changeset = await source.cut()
        if let changeset {
            invariant(changeset.position.seq == changeset.previous.seq + 1, "a changeset does not follow the one before it")
        }
        let now = clock.now()
        if queue.withLock({ $0.answered(source, changeset, at: now) }) { metrics.lateCuts.increment() }
        wakeup.signal()
    }

    /// Stores and publishes what is in a bundle, in parts if the store refuses some of it.
    private func send(_ load: ShipQueue.Load) async {
        metrics.bundlesUnderWay.increment()
        await withDiscardingTaskGroup { group in
            var parts = [load.shipments]
            while let part = parts.popLast() {
                switch await deliver(part) {
                case .known(let outcomes):
                    // Each by itself: who is busy delays neither the others nor the next bundle.
                    for outcome in outcomes { group.addTask { await self.tell(outcome) } }
                case .refused(let parcel, let reason, let known):
                    for outcome in known { group.addTask { await self.tell(outcome) } }
                    let rest = parcel.shipments.filter { shipment in !known.contains { $0.shipment.source === shipment.source } }
                    if parcel.shipments.count == 1 {
                        group.addTask { await self.quarantine(parcel, reason) }
                    } else {
                        RareBranch.bundleSplit.marked()
                        let half = (rest.count + 1) / 2
                        parts += [Array(rest[half...]), Array(rest[..<half])].filter { !$0.isEmpty }
                    }
                case .stopped:
                    parts = []
                }
            }
            metrics.bundlesUnderWay.decrement()
            queue.withLock { $0.left(load) }
            wakeup.signal()
        }
    }

    private func tell(_ outcome: Told) async {
        await outcome.shipment.source.shipped(outcome.outcome)
        let now = clock.now()
        if queue.withLock({ $0.told(outcome.shipment, at: now) }) { wakeup.signal() }
    }

    /// A changeset that the store refuses for what it is holds back its own database alone. It is tried again until it is taken, or
    /// until the lease is another's.
    private func quarantine(_ parcel: Parcel, _ reason: String) async {
        RareBranch.changesetRefused.marked()
        var (parcel, reason) = (parcel, reason)
        var delay = settings.refusedRetryDelay.lowerBound
        metrics.refusedDatabases.increment()
        defer { metrics.refusedDatabases.decrement() }
        while true {
            logger.error(
                "the lease store refuses a changeset of this database; it is tried again, alone",
                metadata: ["database": "\(parcel.shipments[0].database)", "seq": "\(parcel.shipments[0].changeset.position.seq)", "reason": "\(reason)"])
            do { try await clock.sleep(for: delay * random.fraction(in: 0.5...1)) } catch { return }
            delay = min(delay * 2, settings.refusedRetryDelay.upperBound)
            switch await deliver(parcel) {
            case .known(let outcomes):
                for outcome in outcomes { await tell(outcome) }
                return
            case .refused(let again, let why, _): (parcel, reason) = (again, why)
            case .stopped: return
            }
        }
    }
}

/// What a shipper tells about itself.
struct ShipperMetrics: Sendable {
    let bundles = Counter(label: "berth_ship_bundles_total")
    let entriesShipped = Counter(label: "berth_ship_entries_total")
    let bytesShipped = Counter(label: "berth_ship_bytes_total")
    let failures = Counter(label: "berth_ship_failures_total")
    let lateCuts = Counter(label: "berth_ship_late_cuts_total")
    let publishSeconds = Timer(label: "berth_ship_publish_seconds")
    let bundlesUnderWay = Meter(label: "berth_ship_bundles_under_way")
    let refusedDatabases = Meter(label: "berth_ship_refused_databases")

    init() {
        bundlesUnderWay.set(0)
        refusedDatabases.set(0)
    }
}
