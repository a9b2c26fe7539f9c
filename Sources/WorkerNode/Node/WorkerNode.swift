import Changesets
public import EngineHost
public import Engines
public import FleetModel
public import FleetStore
import Foundation
public import Leases
public import Logging
import Metrics
public import ObjectStores
public import Replication
public import Routing
public import ServiceLifecycle
import Synchronization
import Telemetry

/// The worker role: holds leases, serves databases, ships their changesets.
public final class WorkerNode: Service, LocalDatabases {
    private let keeper: SessionKeeper
    private let environment: TenantEnvironment
    /// Of the host in this process.
    private let enginePool: EnginePool?
    let table = TenantTable()
    private let reconciler: Reconciler
    private let backupCheck: BackupCheck
    private let copyCache: CopyCache
    /// As its hosts see it.
    private let disk: DiskRoom
    private let catalogue: any NodeCatalogue
    private let settings: WorkerSettings
    private let hints: @Sendable () -> AsyncStream<StoreHint>
    private let clock: any FleetClock
    private let logger: Logger

    /// - Parameters:
    ///   - directory: the node's data directory, locked by its supervisor.
    ///   - host: makes what opens databases and runs their SQL, given what tells whether work may begin; in this process if `nil`.
    ///   - hints: the hints of the store, from the moment of the call on.
    ///   - machine: time, chance and threads.
    public init(
        session: NewSession, leases: any LeaseStore, catalogue: any NodeCatalogue, segments: any SegmentSource,
        objects: any ObjectStore, engines: EngineSet, host: ((SessionGate) -> any EngineHost)? = nil, directory: String, settings: WorkerSettings,
        hints: @escaping @Sendable () -> AsyncStream<StoreHint>, machine: Machine = .real, logger: Logger
    ) {
        let clock = machine.clock
        self.settings = settings
        self.catalogue = catalogue
        self.hints = hints
        self.clock = clock
        self.logger = logger
        disk = DiskRoom(of: directory, settings.tenants.disk)
        keeper = SessionKeeper(
            session: session, store: leases, clock: clock, thread: machine.renewalThread, random: machine.random, logger: logger)
        let gate = keeper.gate
        let spool = SpoolFolder("\(directory)/spool/node")
        // What a former process had on its way.
        try? FileManager.default.removeItem(atPath: spool.path)
        let restored = SpoolRule(folder: spool, memoryBytes: settings.tenants.host.changesetMemoryBytes)
        let spoolBudget = ByteBudget(bytes: settings.spoolBytes)
        let restoreBudget = ByteBudget(bytes: settings.restoreMemoryBytes)
        let enginePool: EnginePool?
        let engineHost: any EngineHost
        if let host {
            (enginePool, engineHost) = (nil, host(gate))
        } else {
            let pool = machine.enginePool(settings.engine)
            enginePool = pool
            engineHost = ThreadHost(
                engines: engines, pool: pool, blockingWork: machine.blockingWork, settings: settings.tenants.host, clock: clock,
                gate: { gate.isOpen }, descriptors: settings.databaseDescriptors, spool: spool, logger: logger)
        }
        self.enginePool = enginePool
        environment = TenantEnvironment(
            session: session, gate: keeper.gate, leases: leases,
            shipper: Shipper(
                session: session, objects: objects, leases: leases, settings: settings.shipper, clock: clock,
                blockingWork: machine.blockingWork, random: machine.random, logger: logger),
            restorer: Restorer(
                segments: segments, objects: objects, parallelBytes: settings.restoreReadBytes, budget: restoreBudget, spool: restored, blockingWork: machine.blockingWork,
                random: machine.random, logger: logger),
            spoolBudget: spoolBudget, host: engineHost, pool: machine.enginePool(EnginePool.Limits(threads: settings.tenantThreads)), blockingWork: machine.blockingWork,
            engines: engines, settings: settings.tenants, clock: clock, directory: directory, logger: logger)
        backupCheck = BackupCheck(
            environment, catalogue: catalogue, table: table,
            restorer: Restorer(
                segments: segments, objects: objects, parallelReads: settings.backupCheck.parallelReads,
                parallelBytes: settings.restoreReadBytes, budget: restoreBudget, spool: restored, blockingWork: machine.blockingWork,
                random: machine.random, logger: logger),
            settings: settings.backupCheck, logger: logger)
        copyCache = CopyCache(environment, table: table, settings: settings.copyCache, logger: logger) { settings.copyCache.excess(of: directory) }
        reconciler = Reconciler(
            environment: environment, catalogue: catalogue, table: table, settings: settings, logger: logger)
    }

    // MARK: Service

    /// Opens the session and works until a graceful shutdown.
    ///
    /// - Throws: `session_ended` when the session was lost: the process must end, a new one begins with a new session.
    ///   `unpublished_commits` after a graceful shutdown that left commits on this disk alone.
    public func run() async throws {
        do { try await keeper.open() } catch {
            await endThreads()
            throw error.asBerthError
        }
        logger.notice("node joined", metadata: ["session": "\(keeper.session.id)", "address": "\(keeper.session.address)"])
        let reconciling = Task { await self.reconciler.run() }
        let work = Task { await self.work() }
        let refusal = await withGracefulShutdownHandler {
            await self.renew()
        } onGracefulShutdown: {
            self.stopping.signal()
        }
        let unpublished = refusal == nil ? await stop(reconciling) : []
        reconciling.cancel()
        // Whatever still waits for a database gets its answer, also what would keep the reconciler from ending.
        await abandonAll(reason: "the session of this node is over")
        await reconciling.value
        await abandonAll(reason: "the session of this node is over")
        await waitForClosing()
        // Engine hosts end with it, and whoever still waits for one is told so.
        work.cancel()
        await work.value
        await endThreads()
        if let refusal {
            throw BerthError(.sessionEnded, "The session of this node is over (\(refusal)); the node starts again with a new one.")
        }
        guard unpublished.isEmpty else { throw Self.left(unpublished) }
        logger.notice("node left")
    }

    /// Others may lead by now: nobody is waited for who does not let go of its files.
    private func waitForClosing() async {
        let isDone = Wakeup()
        Task {
            await environment.closing.waitForAll()
            isDone.signal()
        }
        await isDone.wait(until: clock.now() + settings.endTimeout, clock: clock)
    }

    private func endThreads() async {
        await environment.pool.shutdown()
        await enginePool?.shutdown()
    }

    private static func left(_ databases: [DatabaseName]) -> BerthError {
        let names = databases.prefix(namesToTell).map { "“\($0)”" }.joined(separator: ", ")
        let more = databases.count > namesToTell ? " and \(databases.count - namesToTell) more" : ""
        return BerthError(
            .unpublishedCommits,
            "Commits of \(names)\(more) could not be brought into the bucket. They are kept in the data directory and the session is left to run "
                + "out: start this node again as soon as the bucket and the lease store answer, before another node takes over, and it goes on with "
                + "them. To give them up, run the node with --force and stop it.")
    }

    private static let namesToTell = 10

    private let stopping = Wakeup()

    /// - Returns: why the session was lost, `nil` when the node is to stop.
    private func renew() async -> Renewal.Refusal? {
        await withTaskGroup(of: Renewal.Refusal?.self) { group in
            group.addTask { await self.keeper.run() }
            group.addTask {
                await self.stopping.wait(clock: self.clock)
                return nil
            }
            let first = await group.next() ?? nil
            // While the node stops it still needs its session: `stop` renews it.
            group.cancelAll()
            return first
        }
    }

    private func work() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.environment.shipper.run() }
            group.addTask { await self.environment.host.run() }
            group.addTask { await self.environment.attention.run(every: .milliseconds(500), clock: self.clock) }
            group.addTask { await self.closeIdle() }
            group.addTask { await self.backupCheck.run() }
            group.addTask { await self.copyCache.run() }
            group.addTask {
                await self.environment.reporter.run(self.catalogue, session: self.keeper.session.id, clock: self.clock, logger: self.logger)
            }
            group.addTask { await self.followHints() }
        }
    }

    private func followHints() async {
        for await hint in hints() {
            switch hint {
            case .placements(let nodes):
                if nodes?.contains(keeper.session.node) ?? true { reconciler.hint() }
            case .leases(let databases): reconciler.hint(leases: databases)
            case .sessions: reconciler.hint()
            case .everything: reconciler.hint(leases: nil)
            case .operations: break
            }
        }
    }

    private func closeIdle() async {
        let interval = max(settings.tenants.idleTimeout / 10, .milliseconds(100))
        while !Task.isCancelled {
            do { try await clock.sleep(for: interval) } catch { return }
            let limit = clock.now() - settings.tenants.idleTimeout
            for tenant in table.all where tenant.isOpen
                && tenant.lastUse.load(ordering: .relaxed) < limit.wholeNanoseconds
            {
                // Nobody waits for one that does not answer.
                Task { await tenant.closeIfIdle(before: limit) }
            }
        }
    }

    /// Rule 8: everything published, every lease released, then the session ended. What cannot be published keeps its lease, its files and the
    /// session.
    ///
    /// - Returns: the databases of which that is so.
    private func stop(_ reconciling: Task<Void, Never>) async -> [DatabaseName] {
        logger.notice("node leaving", metadata: ["leading": "\(table.count)"])
        let renewals = Task { _ = await self.keeper.run() }
        defer { renewals.cancel() }
        let release = Task {
            // First, or it would acquire again what is released.
            reconciling.cancel()
            await reconciling.value
            try await self.releaseAll()
        }
        let timeout = Task {
            try await self.clock.sleep(for: self.settings.shutdownTimeout)
            release.cancel()
            // What cannot be published is not waited for any longer.
            for tenant in self.table.all { await tenant.endDraining() }
        }
        // Leases that could not be released are free as soon as the session has ended.
        do { try await release.value } catch { logger.warning("leases not released", metadata: ["error": "\(error)"]) }
        timeout.cancel()
        // Nothing more is acknowledged, so that nothing is added to what is counted here.
        keeper.gate.closeForGood()
        var unpublished: [DatabaseName] = []
        for tenant in table.all where await tenant.isHeldUnpublished { unpublished.append(tenant.record.name) }
        if !unpublished.isEmpty && settings.stopsByForce {
            logger.critical("unpublished commits are given up, as --force says", metadata: ["databases": "\(unpublished.count)"])
            unpublished = []
        }
        if !unpublished.isEmpty { RareBranch.stoppedUnpublished.marked() }
        guard unpublished.isEmpty else { return unpublished.sorted { $0.description < $1.description } }
        invariant(keeper.gate.isClosedForGood, "a node leaves that may still acknowledge")
        do throws(LeaseStoreError) { try await keeper.end(reason: "stopped") } catch {
            logger.warning("session not ended; it runs out by itself", metadata: ["error": "\(error)"])
        }
        return []
    }

    private func releaseAll() async throws {
        var claims: [LeaseClaim] = []
        await withTaskGroup(of: LeaseClaim?.self) { group in
            for tenant in table.all { group.addTask { await tenant.prepareRelease() } }
            for await claim in group { if let claim { claims.append(claim) } }
        }
        for start in stride(from: 0, to: claims.count, by: settings.acquireBatch) {
            let batch = Array(claims[start..<min(start + settings.acquireBatch, claims.count)])
            for database in try await environment.leases.release(batch, by: keeper.session.id) {
                await table[database]?.released()
            }
        }
    }

    private func abandonAll(reason: String) async {
        for tenant in table.all { await tenant.abandon(reason: reason) }
    }

    // MARK: LocalDatabases

    public func leads(_ name: DatabaseName) -> Bool { table[name] != nil }

    public func serve(_ call: DataCall) async throws(BerthError) -> DataReply {
        guard let tenant = table[call.database] else {
            throw BerthError(.notLeader, "This node does not lead “\(call.database)”.")
        }
        return try await tenant.serve(call)
    }

    // MARK: What others may ask

    /// How long the oldest unpublished commit of each database has been waiting; databases without one are not named.
    public func shipLags() -> [DatabaseID: Duration] {
        let now = clock.now()
        var lags: [DatabaseID: Duration] = [:]
        for tenant in table.all {
            let lag = tenant.shipLag(now: now)
            if lag > .zero { lags[tenant.database] = lag }
        }
        return lags
    }

    /// Whether the node can serve: its lease gate is open.
    public var isReady: Bool { keeper.gate.isOpen }

    /// Tells of every database that is served right now, and the epoch it is served in; the gate is not asked.
    public func forEachServed(_ body: (DatabaseID, Epoch) -> Void) {
        table.forEach { tenant in
            if let epoch = tenant.servedEpoch { body(tenant.database, epoch) }
        }
    }

    public var openDatabases: Int { environment.openTenants.count }

    /// Values that are states rather than events, for a scrape.
    public func gauges() -> [(name: String, value: Double)] {
        let now = clock.now()
        let tenants = table.all, descriptors = environment.host.descriptors
        let hasRoom = disk.hasRoom(), space = disk.space
        return [
            ("berth_disk_free_bytes", space.map { Double($0.freeBytes) } ?? -1),
            ("berth_disk_size_bytes", space.map { Double($0.totalBytes) } ?? -1),
            ("berth_disk_low", hasRoom ? 0 : 1),
            ("berth_spool_bytes", Double(environment.spoolBudget.taken)),
            ("berth_leases_held", Double(tenants.count)),
            ("berth_databases_open", Double(tenants.count { $0.isOpen })),
            ("berth_database_descriptors", Double(descriptors.taken)),
            ("berth_database_descriptors_limit", Double(descriptors.limit)),
            ("berth_databases_unopenable", Double(tenants.count { $0.isUnopenable })),
            ("berth_ship_lag_seconds", tenants.map { $0.shipLag(now: now).seconds }.max() ?? 0),
            ("berth_backup_verified_age_seconds", backupCheck.worstAge(now: now)?.seconds ?? -1),
            ("berth_lease_gate_open", keeper.gate.isOpen ? 1 : 0),
            ("berth_session_renewal_age_seconds", keeper.gate.renewalAge.seconds),
            ("berth_reconcile_age_seconds", reconciler.age(now: now)?.seconds ?? -1),
        ]
    }
}
