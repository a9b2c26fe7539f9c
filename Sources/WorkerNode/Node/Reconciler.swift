import EngineHost
import FleetModel
import FleetStore
import Leases
import Logging
import Metrics
import Synchronization

/// Compares where databases should be led with what this node leads, and acts on the difference: a ``ReconcilePlan`` decides, and this carries out.
///
/// Hints make it look at once; a slow poll makes it look anyway. Nothing rests on a message.
final class Reconciler: Sendable {
    let node: NodeName
    let environment: TenantEnvironment
    let catalogue: any NodeCatalogue
    let table: TenantTable
    let logger: Logger
    private let interval: Duration
    private let wakeup = Wakeup()
    private let plan: Mutex<ReconcilePlan>
    private let comparedAt = Mutex<Duration?>(nil)

    init(
        environment: TenantEnvironment, catalogue: any NodeCatalogue, table: TenantTable, settings: WorkerSettings,
        logger: Logger
    ) {
        self.node = environment.session.node
        self.environment = environment
        self.catalogue = catalogue
        self.table = table
        self.logger = logger
        interval = settings.reconcileInterval
        plan = Mutex(
            ReconcilePlan(
                limits: .init(
                    acquireBatch: settings.acquireBatch, preparations: settings.parallelPreparations, handovers: settings.parallelHandovers,
                    unableToServe: settings.unableToServeLimit, fullLook: settings.reconcileInterval)))
    }

    /// Something may have changed: look now.
    ///
    /// - Parameter leases: leases that may have changed hands; `nil` for any.
    func hint(leases: [DatabaseID]? = []) {
        plan.withLock { $0.suspect(leases) }
        wakeup.signal()
    }

    /// Time since the node last compared intent and fact.
    func age(now: Duration) -> Duration? { comparedAt.withLock { $0.map { now - $0 } } }

    /// Reconciles until cancelled. Handovers and preparations run beside it, so that a slow one starves no other.
    func run() async {
        var failures = 0
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                do {
                    let hasCompared = try await reconcile(&group)
                    failures = 0
                    if hasCompared {
                        let now = environment.clock.now()
                        comparedAt.withLock { $0 = now }
                    }
                } catch {
                    failures += 1
                    logger.warning("reconcile failed", metadata: ["error": "\(error)"])
                }
                let pause = failures == 0 ? interval : min(interval, .milliseconds(100) * (1 << min(failures, 6)))
                await wakeup.wait(until: environment.clock.now() + pause, clock: environment.clock)
            }
            group.cancelAll()
        }
    }

    private func reconcile(_ group: inout DiscardingTaskGroup) async throws -> Bool {
        // A node whose gate is closed cannot serve what it would take.
        guard environment.gate.isOpen else { return false }
        try await act(on: .wanted(try await catalogue.assignments(to: node, session: environment.session.id)), &group)
        try await compareLeases(&group)
        try await act(on: .misplaced(try await catalogue.handovers(from: node, session: environment.session.id)), &group)
        try await act(on: .unable(unable), &group)
        try await act(on: .awaited(try await catalogue.awaited(by: environment.session.id)), &group)
        let unopenable = table.all.filter { $0.isUnopenable }.map(\.database).sorted()
        if !unopenable.isEmpty { try await act(on: .accepted(try await catalogue.accepted(among: unopenable)), &group) }
        return true
    }

    private func act(on sight: ReconcilePlan.Sight, _ group: inout DiscardingTaskGroup) async throws {
        let now = environment.clock.now()
        for decision in plan.withLock({ $0.decide(on: sight, at: now, standing: standing) }) { try await carryOut(decision, &group) }
    }

    private func standing(_ database: DatabaseID) -> ReconcilePlan.Standing {
        guard let tenant = table[database] else { return .nothing }
        return tenant.isGone ? .lost : .led
    }

    private func carryOut(_ decision: ReconcilePlan.Decision, _ group: inout DiscardingTaskGroup) async throws {
        switch decision {
        case .acquire(let databases): try await acquire(databases)
        case .serve(let leases): try await serve(leases, reason: .found)
        case .verify(let database): try await verify(database)
        case .prepare(let assignment): group.addTask { await self.carryOutPreparation(assignment) }
        case .handOver(let database, let successor, let copy): group.addTask { await self.handOver(database, to: successor, copy) }
        case .giveUp(let databases): try await giveUp(databases)
        case .open(let database): Task { await self.open(database) }
        case .accept(let database, let seq): if let tenant = table[database] { Task { await tenant.accept(seq) } }
        }
    }

    // MARK: Leases

    private func compareLeases(_ group: inout DiscardingTaskGroup) async throws {
        let now = environment.clock.now()
        let look = plan.withLock { $0.look(at: now) }
        do {
            switch look {
            case .everything:
                let held = try await environment.leases.leases(heldBy: environment.session.id)
                try await act(on: .leases(held: held, among: Set(table.all.map(\.database))), &group)
            case .leases(let suspects) where suspects.isEmpty: break
            case .leases(let suspects):
                let held = try await environment.leases.leases(of: Array(suspects)).filter { $0.session == environment.session.id }
                try await act(on: .leases(held: held, among: suspects), &group)
            }
        } catch {
            plan.withLock { $0.lookFailed(look) }
            throw error
        }
    }

    private func acquire(_ databases: [DatabaseID]) async throws {
        let leases = try await environment.leases.acquire(databases, for: environment.session.id)
        invariant(Set(leases.map(\.database)).isSubset(of: databases), "a lease was acquired that nobody asked for")
        invariant(leases.allSatisfy { $0.session == environment.session.id }, "a lease was acquired for another session")
        try await serve(leases, reason: .acquired)
    }

    private func verify(_ database: DatabaseID) async throws {
        guard let tenant = table[database] else { return }
        // Read anew: it may have been acquired since the list was made.
        let current = try await environment.leases.leases(of: [database]).first
        guard current?.session != environment.session.id, table[database] === tenant, !plan.withLock({ $0.isHandingOver(database) })
        else { return }
        await tenant.abandon(reason: "the lease store says so")
        table.remove(tenant)
    }

    private enum Origin: String {
        case acquired
        case found
    }

    private func serve(_ leases: [Lease], reason origin: Origin) async throws {
        guard !leases.isEmpty else { return }
        let records = try await catalogue.records(of: leases.map(\.database))
        // Ahead of the first request.
        let quarantined = try await catalogue.quarantined(among: leases.map(\.database))
        if !quarantined.isEmpty { environment.host.remember(quarantined) }
        let byID = Dictionary(uniqueKeysWithValues: leases.map { ($0.database, $0) })
        var unfinished: [DatabaseID] = []
        for record in records {
            guard let lease = byID[record.id] else { continue }
            if let former = table[record.id] {
                // Led before, lost without noticing, and acquired anew: the former epoch is over.
                await former.abandon(reason: "acquired anew")
                table.remove(former)
            }
            let tenant = Tenant(record: record, lease: lease, environment: environment)
            table.insert(tenant)
            environment.metrics.acquired.increment()
            if origin == .found { RareBranch.leaseFound.marked() }
            logger.info(
                "leading", metadata: ["database": "\(record.name)", "epoch": "\(lease.epoch)", "head": "\(lease.head)", "by": "\(origin)"])
            // A database moved on purpose has traffic waiting, and what a former process of this node left unpublished is on one disk only.
            // Others are opened by their first request.
            if origin == .found || tenant.wasLeft(at: lease) { unfinished.append(tenant.database) }
        }
        guard !unfinished.isEmpty else { return }
        if origin == .acquired {
            logger.notice("going on where the last process of this node stopped", metadata: ["databases": "\(unfinished.count)"])
        }
        for case .open(let database) in plan.withLock({ $0.open(unfinished) }) { Task { await self.open(database) } }
    }

    /// Opens it, and then whatever waits for its turn. What keeps one from being opened is in its log; its next request tries again.
    private func open(_ database: DatabaseID) async {
        try? await table[database]?.open()
        for case .open(let next) in plan.withLock({ $0.opened(database) }) { Task { await self.open(next) } }
    }

    // MARK: Moving

    private func carryOutPreparation(_ assignment: Assignment) async {
        let succeeded = await prepare(assignment)
        let now = environment.clock.now()
        plan.withLock { $0.prepared(assignment.database, succeeded: succeeded, at: now) }
        hint()
    }

    private func handOver(_ database: DatabaseID, to successor: SessionID, _ copy: CopyID?) async {
        // Whoever lost it meanwhile has nothing to hand over.
        let tenant = table[database]
        let outcome = await tenant?.handOver(to: successor, copy: copy) ?? .lost
        if case .kept(let reason) = outcome {
            RareBranch.handoverKept.marked()
            logger.warning("handover did not happen", metadata: ["database": "\(tenant?.record.name, default: "")", "reason": "\(reason)"])
        }
        let hasLeft = outcome == .transferred || outcome == .lost
        // Before it can be found again.
        if hasLeft, let tenant { table.remove(tenant) }
        let now = environment.clock.now()
        plan.withLock { $0.handedOver(database, hasLeft: hasLeft, at: now) }
        hint()
    }

    private func giveUp(_ databases: [DatabaseID]) async throws {
        let limit = plan.withLock { $0.limits.unableToServe }
        var claims: [(Tenant, LeaseClaim)] = []
        for tenant in databases.compactMap({ table[$0] }) {
            guard let claim = await tenant.prepareGivingUp(after: limit) else { continue }
            claims.append((tenant, claim))
        }
        guard !claims.isEmpty else { return }
        // Without an answer they stay as they are and are asked for again.
        let released = try await environment.leases.release(claims.map(\.1), by: environment.session.id)
        let now = environment.clock.now()
        for (tenant, _) in claims {
            if released.contains(tenant.database) {
                await tenant.released()
            } else {
                // Not as it was believed to be; what it is shows when the leases are read next.
                await tenant.abandon(reason: "it could not be served, and the lease is not as expected")
            }
            table.remove(tenant)
            plan.withLock { $0.gaveUp(tenant.database, at: now) }
            RareBranch.leaseGivenUp.marked()
            logger.error("lease given up: the database could not be served", metadata: ["database": "\(tenant.record.name)"])
        }
        // Only a wish: unheard, this node tries again after a rest.
        try await catalogue.decline(released.sorted(), on: node)
    }

    /// What could not be opened, and for how long.
    private var unable: [DatabaseID: Duration] {
        let now = environment.clock.now()
        var unable: [DatabaseID: Duration] = [:]
        table.forEach { tenant in
            let since = tenant.unableToServe(at: now)
            if since > .zero { unable[tenant.database] = since }
        }
        return unable
    }
}
