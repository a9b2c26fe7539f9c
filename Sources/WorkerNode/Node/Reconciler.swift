import EngineHost
import Engines
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
        var preparations = RetryTimes(delays: .milliseconds(500)...(.seconds(30)))
        var handovers = RetryTimes(delays: .seconds(1)...(.seconds(30)))
        /// Handed over since the leases were last read: what was read may be older, and says they are this node's.
        var departed: Set<DatabaseID> = []
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
                    let hasCompared = try await reconcile(&group)
                    failures = 0
                    if hasCompared { state.withLock { $0.lastSuccess = environment.clock.now() } }
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

    private func reconcile(_ group: inout DiscardingTaskGroup) async throws -> Bool {
        // A node whose gate is closed cannot serve what it would take.
        guard environment.gate.isOpen else { return false }
        let wanted = try await catalogue.assignments(to: node, session: environment.session.id)
        try await acquire(wanted.filter { $0.heldBy == nil }.map(\.database))
        try await compareLeases()
        prepare(wanted.filter { $0.heldBy != nil && !$0.isPrepared }, &group)
        handOver(try await catalogue.handovers(from: node, session: environment.session.id), &group)
        try await giveUpUnservable()
        try await openAwaited()
        try await acceptOlder()
        return true
    }

    // MARK: Taking

    private func acquire(_ databases: [DatabaseID]) async throws {
        let now = environment.clock.now()
        let allowed = state.withLock { state in
            state.notBefore = state.notBefore.filter { $0.value > now }
            // What is being handed over may have come free, and is not settled yet.
            return databases.filter { state.notBefore[$0] == nil && !state.handingOver.contains($0) }
        }
        for start in stride(from: 0, to: allowed.count, by: settings.acquireBatch) {
            let batch = Array(allowed[start..<min(start + settings.acquireBatch, allowed.count)])
            let leases = try await environment.leases.acquire(batch, for: environment.session.id)
            invariant(Set(leases.map(\.database)).isSubset(of: batch), "a lease was acquired that nobody asked for")
            invariant(leases.allSatisfy { $0.session == environment.session.id }, "a lease was acquired for another session")
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
            // What is read from here on knows of them.
            state.departed = []
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
        try await serve(held.filter { isUnknown($0.database) }, reason: .found)

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

    /// Whether nothing here serves, will serve, or just gave away `database`.
    private func isUnknown(_ database: DatabaseID) -> Bool {
        let isMoving = state.withLock { $0.handingOver.contains(database) || $0.departed.contains(database) }
        guard !isMoving, database != .managerLease else { return false }
        return table[database].map { $0.isGone.load(ordering: .acquiring) } ?? true
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
        var unfinished: [Tenant] = []
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
            // A database moved on purpose has traffic waiting; others are opened by their first request.
            if origin == .found { Task { try await tenant.open() } } else if tenant.wasLeft(at: lease) { unfinished.append(tenant) }
        }
        openAll(unfinished)
    }

    /// Opens what a former process of this node left unpublished, without waiting for a request: until then it is on one disk only.
    private func openAll(_ tenants: [Tenant]) {
        guard !tenants.isEmpty else { return }
        logger.notice("going on where the last process of this node stopped", metadata: ["databases": "\(tenants.count)"])
        Task { [limit = settings.parallelPreparations] in
            await withTaskGroup(of: Void.self) { group in
                for (index, tenant) in tenants.enumerated() {
                    if index >= limit { await group.next() }
                    // What keeps one from being opened is in its log; its next request tries again.
                    group.addTask { try? await tenant.open() }
                }
            }
        }
    }

    // MARK: Preparing to take over

    private func prepare(_ assignments: [Assignment], _ group: inout DiscardingTaskGroup) {
        let now = environment.clock.now()
        for assignment in assignments {
            guard state.withLock({ state in
                state.preparing.count < settings.parallelPreparations
                    && state.preparations.mayTry(assignment.database, at: now)
                    && state.preparing.insert(assignment.database).inserted
            }) else { continue }
            group.addTask { [self] in
                let succeeded = await prepare(assignment)
                state.withLock { state in
                    let wasPreparing = state.preparing.remove(assignment.database) != nil
                    invariant(wasPreparing, "a preparation ended twice")
                    if succeeded {
                        state.preparations.succeeded(assignment.database)
                    } else {
                        state.preparations.failed(assignment.database, at: environment.clock.now())
                    }
                }
                hint()
            }
        }
    }

    private func prepare(_ assignment: Assignment) async -> Bool {
        let database = assignment.database
        let copy = LocalCopy(database: database, in: environment.directory)
        var refusal: UnopenableState?
        do {
            let id = try await environment.fileTurns.withTurn(on: database) { () throws(BerthError) -> CopyID? in
                await environment.closing.wait(for: database)
                // Taken over since the assignments were read: the files are its tenant's.
                guard table[database] == nil else { return nil }
                // Led by a former process of this node, and by nobody since: as soon as its session is over, this one goes on with the files.
                if try copy.watermark()?.epoch == assignment.epoch { return nil }
                let engine = try environment.engines.engine(assignment.engine)
                let id = try await environment.restorer.bring(copy, to: assignment.head, by: engine)
                if assignment.head != .origin { refusal = try await rehearse(copy, engine) }
                return id
            }
            guard let id else { return false }
            if let refusal {
                try await refuse(database, refusal)
                return false
            }
            try await catalogue.declarePrepared([(database, id)], on: node, session: environment.session.id)
            return true
        } catch {
            logger.warning("could not prepare", metadata: ["database": "\(database)", "error": "\(error)"])
            if let refusal = Tenant.unopenable(error, at: assignment.head.seq) { try? await refuse(database, refusal) }
            return false
        }
    }

    /// Opens a copy before it is needed: what does not open here is better left where it is served.
    ///
    /// - Returns: why it does not open. Its mark is gone then, so that the next try begins with the bucket.
    private func rehearse(_ copy: LocalCopy, _ engine: any Engine) async throws(BerthError) -> UnopenableState? {
        let failure: HostFailure
        do throws(HostFailure) {
            try await environment.host.rehearse(copy.filePath, engine.kind)
            return nil
        } catch { failure = error }
        try copy.markDirty()
        guard let refusal = Tenant.unopenable(failure, at: 0) else { throw BerthError(.diskUnavailable, "A copy could not be opened: \(failure)") }
        return refusal
    }

    private func refuse(_ database: DatabaseID, _ state: UnopenableState) async throws(BerthError) {
        logger.critical(
            "will not take over: what is published does not open here", metadata: ["database": "\(database)", "code": "\(state.code)", "reason": "\(state.reason)"])
        let reason = state.reason.replacing(bytesOf: environment.directory + "/", with: "")
        try await catalogue.refuse(database, OpeningRefusal(code: state.code, reason: reason), on: node)
    }

    /// What operations wait for is opened without a request.
    private func openAwaited() async throws {
        for database in try await catalogue.awaited(by: environment.session.id) {
            if let tenant = table[database] { Task { try await tenant.open() } }
        }
    }

    /// What operators accept instead of states that do not open.
    private func acceptOlder() async throws {
        let unopenable = table.all.filter { $0.isUnopenable.load(ordering: .relaxed) }.map(\.database).sorted()
        guard !unopenable.isEmpty else { return }
        for (database, seq) in try await catalogue.accepted(among: unopenable).sorted(by: { $0.key < $1.key }) {
            if let tenant = table[database] { Task { await tenant.accept(seq) } }
        }
    }

    // MARK: Giving

    private func handOver(_ handovers: [Handover], _ group: inout DiscardingTaskGroup) {
        let now = environment.clock.now()
        for handover in handovers {
            guard let successor = handover.successor, let tenant = table[handover.database],
                state.withLock({ state in
                    state.handingOver.count < settings.parallelHandovers
                        && state.handovers.mayTry(handover.database, at: now)
                        && state.handingOver.insert(handover.database).inserted
                })
            else { continue }
            group.addTask { [self] in
                switch await tenant.handOver(to: successor, copy: handover.copy) {
                case .transferred, .lost:
                    state.withLock { state in
                        state.departed.insert(handover.database)
                        state.handovers.succeeded(handover.database)
                    }
                    table.remove(tenant)
                case .kept(let reason):
                    RareBranch.handoverKept.marked()
                    state.withLock { $0.handovers.failed(handover.database, at: environment.clock.now()) }
                    logger.warning(
                        "handover did not happen", metadata: ["database": "\(tenant.record.name)", "reason": "\(reason)"])
                }
                let wasHandingOver = state.withLock { $0.handingOver.remove(handover.database) != nil }
                invariant(wasHandingOver, "a handover ended twice")
                hint()
            }
        }
    }

    /// Rule 4: a holder that cannot serve gives the lease up, so that another may try.
    private func giveUpUnservable() async throws {
        let limit = settings.unableToServeLimit
        var claims: [(Tenant, LeaseClaim)] = []
        for tenant in table.all where tenant.unableToServe(at: environment.clock.now()) >= limit {
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
            state.withLock { $0.notBefore[tenant.database] = now + limit }
            RareBranch.leaseGivenUp.marked()
            logger.error("lease given up: the database could not be served", metadata: ["database": "\(tenant.record.name)"])
        }
        // Only a wish: unheard, this node tries again after a rest.
        try await catalogue.decline(released.sorted(), on: node)
    }
}
