import FleetModel
import FleetStore
import Leases
import Logging
import Metrics
import Replication
import Synchronization

/// Compares where databases should be led with what this node leads, and acts on the difference.
///
/// Hints make it look at once; a slow poll makes it look anyway. Nothing rests on a message.
final class Reconciler: Sendable {
    private let node: NodeName
    private let environment: TenantEnvironment
    private let catalogue: any NodeCatalogue
    private let table: TenantTable
    private let settings: WorkerSettings
    private let logger: Logger
    private let wakeup = Wakeup()
    private let state = Mutex(State())

    private struct State {
        var handingOver: Set<DatabaseID> = []
        var preparing: Set<DatabaseID> = []
        /// Databases given up because they could not be served; acquired again only after this time.
        var notBefore: [DatabaseID: Duration] = [:]
        var lastSuccess: Duration?
        /// Leases said to have changed hands; `nil` for any.
        var suspects: Set<DatabaseID>? = nil
        var nextFullLook: Duration = .zero
    }

    init(
        environment: TenantEnvironment, catalogue: any NodeCatalogue, table: TenantTable, settings: WorkerSettings,
        logger: Logger
    ) {
        self.node = environment.session.node
        self.environment = environment
        self.catalogue = catalogue
        self.table = table
        self.settings = settings
        self.logger = logger
    }

    /// Something may have changed: look now.
    ///
    /// - Parameter leases: leases that may have changed hands; `nil` for any.
    func hint(leases: [DatabaseID]? = []) {
        state.withLock { state in
            if let leases { state.suspects?.formUnion(leases) } else { state.suspects = nil }
        }
        wakeup.signal()
    }

    /// Time since the node last compared intent and fact.
    func age(now: Duration) -> Duration? { state.withLock { $0.lastSuccess.map { now - $0 } } }

    /// Reconciles until cancelled. Handovers and preparations run beside it, so that a slow one starves no other.
    func run() async {
        var failures = 0
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                do {
                    try await reconcile(&group)
                    failures = 0
                    state.withLock { $0.lastSuccess = environment.clock.now() }
                } catch {
                    failures += 1
                    logger.warning("reconcile failed", metadata: ["error": "\(error)"])
                }
                let pause = failures == 0 ? settings.reconcileInterval : min(settings.reconcileInterval, .milliseconds(100) * (1 << min(failures, 6)))
                await wakeup.wait(until: environment.clock.now() + pause, clock: environment.clock)
            }
            group.cancelAll()
        }
    }

    private func reconcile(_ group: inout DiscardingTaskGroup) async throws {
        // A node whose gate is closed cannot serve what it would take.
        guard environment.gate.isOpen else { return }
        let wanted = try await catalogue.assignments(to: node, session: environment.session.id)
        try await acquire(wanted.filter { $0.heldBy == nil }.map(\.database))
        try await compareLeases()
        prepare(wanted.filter { $0.heldBy != nil && !$0.isPrepared }, &group)
        handOver(try await catalogue.handovers(from: node, session: environment.session.id), &group)
        try await giveUpUnservable()
    }

    // MARK: Taking

    private func acquire(_ databases: [DatabaseID]) async throws {
        let now = environment.clock.now()
        let allowed = state.withLock { state in
            databases.filter { state.notBefore[$0].map { $0 <= now } ?? true }
        }
        for start in stride(from: 0, to: allowed.count, by: settings.acquireBatch) {
            let batch = Array(allowed[start..<min(start + settings.acquireBatch, allowed.count)])
            let leases = try await environment.leases.acquire(batch, for: environment.session.id)
            try await serve(leases, reason: .acquired)
        }
    }

    /// Rule 4: leases that are this node's and that it does not know of — a lost reply, a transfer — are served, and
    /// what is another's is let go of.
    ///
    /// Only leases that are said to have changed are read; all of them now and then.
    private func compareLeases() async throws {
        let now = environment.clock.now()
        let suspects: Set<DatabaseID>? = state.withLock { state in
            let suspects = now >= state.nextFullLook ? nil : state.suspects
            state.suspects = []
            return suspects
        }
        do {
            if let suspects {
                guard !suspects.isEmpty else { return }
                let current = try await environment.leases.leases(of: Array(suspects))
                try await settle(held: current.filter { $0.session == environment.session.id }, among: suspects)
            } else {
                let held = try await environment.leases.leases(heldBy: environment.session.id)
                try await settle(held: held, among: nil)
                state.withLock { $0.nextFullLook = now + settings.reconcileInterval }
            }
        } catch {
            state.withLock { state in
                if let suspects { state.suspects?.formUnion(suspects) } else { state.suspects = nil }
            }
            throw error
        }
    }

    private func settle(held: [Lease], among suspects: Set<DatabaseID>?) async throws {
        let unknown = held.filter { table[$0.database] == nil && $0.database != .managerLease }
        try await serve(unknown, reason: .found)

        let heldIDs = Set(held.map(\.database))
        for tenant in suspects.map({ $0.compactMap { table[$0] } }) ?? table.all where !heldIDs.contains(tenant.database) {
            // Read anew: it may have been acquired since the list was made.
            let current = try await environment.leases.leases(of: [tenant.database]).first
            guard current?.session != environment.session.id, table[tenant.database] === tenant,
                !state.withLock({ $0.handingOver.contains(tenant.database) })
            else { continue }
            await tenant.abandon(reason: "the lease store says so")
            table.remove(tenant)
        }
    }

    private enum Origin: String {
        case acquired
        case found
    }

    private func serve(_ leases: [Lease], reason origin: Origin) async throws {
        guard !leases.isEmpty else { return }
        let records = try await catalogue.records(of: leases.map(\.database))
        let byID = Dictionary(uniqueKeysWithValues: leases.map { ($0.database, $0) })
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
            logger.info(
                "leading", metadata: ["database": "\(record.name)", "epoch": "\(lease.epoch)", "head": "\(lease.head)", "by": "\(origin)"])
            // A database moved on purpose has traffic waiting; others are opened by their first request.
            if origin == .found { Task { try await tenant.open() } }
        }
    }

    // MARK: Preparing to take over

    private func prepare(_ assignments: [Assignment], _ group: inout DiscardingTaskGroup) {
        for assignment in assignments {
            guard state.withLock({ state in
                state.preparing.count < settings.parallelPreparations && state.preparing.insert(assignment.database).inserted
            }) else { continue }
            group.addTask { [self] in
                await prepare(assignment)
                state.withLock { _ = $0.preparing.remove(assignment.database) }
                hint()
            }
        }
    }

    private func prepare(_ assignment: Assignment) async {
        let copy = LocalCopy(database: assignment.database, in: environment.directory)
        do {
            let id = try await environment.restorer.bring(copy, to: assignment.head)
            try await catalogue.declarePrepared(
                [(assignment.database, id)], on: node, session: environment.session.id)
        } catch {
            logger.warning(
                "could not prepare", metadata: ["database": "\(assignment.database)", "error": "\(error)"])
        }
    }

    // MARK: Giving

    private func handOver(_ handovers: [Handover], _ group: inout DiscardingTaskGroup) {
        for handover in handovers {
            guard let successor = handover.successor, let tenant = table[handover.database],
                state.withLock({ state in
                    state.handingOver.count < settings.parallelHandovers
                        && state.handingOver.insert(handover.database).inserted
                })
            else { continue }
            group.addTask { [self] in
                switch await tenant.handOver(to: successor, copy: handover.copy) {
                case .transferred, .lost: table.remove(tenant)
                case .kept(let reason):
                    logger.warning(
                        "handover did not happen", metadata: ["database": "\(tenant.record.name)", "reason": "\(reason)"])
                }
                state.withLock { _ = $0.handingOver.remove(handover.database) }
                hint()
            }
        }
    }

    /// Rule 4: a holder that cannot serve gives the lease up, so that another may try.
    private func giveUpUnservable() async throws {
        let now = environment.clock.now()
        var claims: [(Tenant, LeaseClaim)] = []
        for tenant in table.all where tenant.unableToServe(at: now) >= settings.unableToServeLimit {
            guard let claim = await tenant.prepareRelease() else { continue }
            claims.append((tenant, claim))
        }
        guard !claims.isEmpty else { return }
        let released = try await environment.leases.release(claims.map(\.1), by: environment.session.id)
        for (tenant, _) in claims where released.contains(tenant.database) {
            await tenant.released()
            table.remove(tenant)
            state.withLock { $0.notBefore[tenant.database] = now + settings.unableToServeLimit }
            logger.error("lease released: the database could not be served", metadata: ["database": "\(tenant.record.name)"])
        }
    }
}
