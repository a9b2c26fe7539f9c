import BerthTestKit
import Changesets
import Dispatch
import Engines
import FleetModel
import FleetStore
import Foundation
import Hrana
import Leases
import Logging
import Replication
import Synchronization
import Testing

@testable import EngineHost
@testable import WorkerNode

/// What tenants need of a node, without its reconciler: the test decides which leases there are.
struct TenantHost {
    let stores: TestStores
    let session: NewSession
    let gate: SessionGate
    let environment: TenantEnvironment
    let shipping: Task<Void, Never>

    /// Runs `body` with a host, and ends it.
    ///
    /// - Parameters:
    ///   - clock: of the gate and the tenants; the stores' own if `nil`.
    ///   - spoolBytes: what large changesets may take in a spool folder; without, they are in memory.
    static func with<Value>(
        _ stores: TestStores, node: String = "node-a", settings: TenantSettings = TenantSettings(),
        clock: (any FleetClock)? = nil, engines: EngineSet = EngineSet([SQLiteEngine()]), blockingWork: BlockingWork = .threads,
        openFiles: Int = .max, spoolBytes: UInt64? = nil, wrapping: (ThreadHost) -> any EngineHost = { $0 },
        isolation: isolated (any Actor)? = #isolation, _ body: (TenantHost) async throws -> Value
    ) async throws -> Value {
        let clock = clock ?? stores.clock
        var settings = settings
        settings.cursorEndLine = true
        // Tests pass time in leaps, by which no statement that they are not about may end.
        if settings.statementTimeout == TenantSettings().statementTimeout { settings.statementTimeout = Self.lifetime * 10 }
        if settings.requestTimeout == TenantSettings().requestTimeout { settings.requestTimeout = Self.lifetime * 10 }
        let session = NewSession(id: .random(), node: try NodeName(node), role: .node, address: "http://\(node):1")
        try await stores.leases.base.openSession(session)
        let gate = SessionGate(clock: clock)
        let shipper = Shipper(
            session: session, objects: stores.objects, leases: stores.leases, settings: ShipperSettings(),
            clock: stores.clock, logger: .test)
        let (pool, enginePool) = (EnginePool(threads: 2), EnginePool(threads: 2))
        settings.expiryInterval = .milliseconds(100)
        let engineHost = ThreadHost(
            engines: engines, pool: enginePool, blockingWork: blockingWork, settings: settings.host, clock: clock, gate: { gate.isOpen },
            descriptors: openFiles, spool: spoolBytes.map { _ in SpoolFolder(stores.disk.path + "/" + node + "/spool") }, logger: .test)
        let environment = TenantEnvironment(
            session: session, gate: gate, leases: stores.leases, shipper: shipper,
            restorer: Restorer(segments: stores.segments, objects: stores.objects, logger: .test), spoolBudget: ByteBudget(bytes: spoolBytes ?? .max),
            host: wrapping(engineHost), pool: pool,
            blockingWork: blockingWork, engines: engines, settings: settings, clock: clock,
            directory: stores.disk.path + "/" + node, logger: .test)
        let shipping = Task { await shipper.run() }
        let host = TenantHost(stores: stores, session: session, gate: gate, environment: environment, shipping: shipping)
        host.openGate()
        let watching = Task { await environment.attention.run(every: .milliseconds(100), clock: stores.clock) }
        let hosting = Task { await engineHost.run() }
        func end() async {
            await environment.closing.waitForAll()
            for task in [shipping, watching, hosting] { task.cancel() }
            for task in [shipping, watching, hosting] { await task.value }
            await pool.shutdown()
            await enginePool.shutdown()
        }
        do {
            let value = try await body(host)
            await end()
            return value
        } catch {
            await end()
            throw error
        }
    }

    static let lifetime = Duration.seconds(100_000)

    /// Confirms the session for longer than any test passes time.
    func openGate() { gate.renewed(sentAt: environment.clock.now(), timing: LeaseTiming(ttl: Self.lifetime)) }

    /// From now on only the test cuts.
    func stopShipping() async {
        shipping.cancel()
        await shipping.value
    }

    /// Acquires the lease of `record`.
    func lead(_ record: DatabaseRecord) async throws -> Tenant {
        let lease = try #require(try await stores.leases.base.acquire([record.id], for: session.id).first)
        return Tenant(record: record, lease: lease, environment: environment)
    }

    /// Serves a lease this host's session holds already.
    func find(_ record: DatabaseRecord) async throws -> Tenant {
        let lease = try await stores.lease(of: record)
        #expect(lease.session == session.id)
        return Tenant(record: record, lease: lease, environment: environment)
    }
}

extension Tenant {
    nonisolated var client: DataClient {
        DataClient(database: record.name) { call async throws(BerthError) in try await self.serve(call) }
    }

    /// Where it is open; a host in this process has it.
    nonisolated var opened: OpenDatabase? { machine.withLock { $0.ledger.service?.database as? OpenDatabase } }

    var isServingNow: Bool { isOpen }
    var isLost: Bool { isGone }
    /// No stream is open and nobody writes or waits to.
    nonisolated var isAtRest: Bool { get async { await opened?.isAtRest ?? true } }
    nonisolated var streamCount: Int { get async { await opened?.streamCount ?? 0 } }
    nonisolated var turnOwner: UInt64? { get async { await opened?.turn.owner } }
    nonisolated var hasTurnWaiters: Bool { get async { await opened?.turn.hasWaiters ?? false } }
    nonisolated var waitsForPublish: Bool { get async { !machine.withLock { $0.ledger.waiters.isEmpty } } }
    var allIsPublished: Bool { isAllPublished }
    /// Its host takes in nothing new either, as it was told.
    nonisolated var takesNothingIn: Bool {
        get async { if isDraining, let opened { await opened.isDraining } else { false } }
    }

    nonisolated var lastCommit: UInt64 { get async { machine.withLock { $0.ledger.lastCommit } } }
    nonisolated var publishedCommit: UInt64 { get async { machine.withLock { $0.ledger.publishedCommit } } }
    nonisolated var life: UInt64 { get async { machine.withLock { $0.ledger.life } } }
    var cutCommit: UInt64? { if case .cut(let commit) = chain.changeset { commit } else { nil } }
    /// Opened, with no request under way and everything published.
    var hasServedAll: Bool { isServingNow && machine.withLock { $0.ledger.underWay } == 0 && isAllPublished }
    /// The primary included.
    nonisolated var openConnections: Int { get async { await opened?.openConnections ?? 0 } }
    /// Waiting to be answered, or answers that go on.
    nonisolated var waitingRequests: Int { get async { max(machine.withLock { $0.ledger.underWay }, await opened?.requestsUnderWay ?? 0) } }
    /// Ends what has waited too long, here and in its host.
    ///
    /// - Returns: whether there is anything left to watch.
    nonisolated func expireAll() async -> Bool {
        let isLeft = await opened?.expire() ?? false
        return await expire() || isLeft
    }
    var currentClaim: LeaseClaim { LeaseClaim(database: database, epoch: epoch, headSeq: head.seq) }

    nonisolated func walBytes() async -> Int { await opened?.walBytes() ?? 0 }

    func wouldAcknowledge(life: UInt64) -> Bool {
        guard case .leading(.serving(let database), _) = machine.withLock({ $0.state }) else { return false }
        return machine.withLock { $0.ledger.mayAcknowledge(TenantLedger.Service(database: database, epoch: $0.chain.epoch, life: life)) }
    }
    nonisolated func closeAllStreams() async { await opened?.closeAllStreams() }

    func returnToHead() { if let former = tell({ $0.returnToHead() }) { returned(from: former) } }

    /// Makes the next capture fail, with a commit behind it that is lost.
    func damage() async throws {
        await opened?.noteCommit()
        try damageWAL()
    }

    func damageWAL() throws {
        guard truncate(copy.filePath + "-wal", 40) == 0 else { throw BerthError(.internalError, "no WAL to damage") }
    }

    /// Keeps the lane, as a statement that takes long does, until `isOver` is signalled.
    nonisolated func holdLane(until isOver: DispatchSemaphore) async { await opened?.holdLane(until: isOver) }
    /// Nothing runs on its lane.
    nonisolated var hasIdleLane: Bool { opened?.lane.isIdle ?? true }
    /// The shipper waits for the lane.
    nonisolated var isCutAsked: Bool { opened?.cutAsked.withLock { $0 } != nil }

    nonisolated func insert(_ first: Int, _ second: Int, between isOver: DispatchSemaphore) async throws {
        try await opened?.insert(first, second, between: isOver)
    }
}

extension OpenDatabase {
    var isAtRest: Bool { streams.isEmpty && turn.owner == nil && !turn.hasWaiters && requestsUnderWay == 0 }
    var streamCount: Int { streams.count }
    private var sqlite: SQLiteDatabase? {
        guard case .open(let database) = state else { return nil }
        return database as? SQLiteDatabase
    }
    var openConnections: Int { sqlite.map { $0.connections.count + 1 } ?? 0 }
    func walBytes() -> Int { (try? sqlite?.walBytes()) ?? 0 }
    func closeAllStreams() { for stream in streams.values { close(stream) } }
    func holdLane(until isOver: DispatchSemaphore) { isOver.wait() }

    /// One request that writes, does something that takes until `isOver` is signalled, and writes again.
    func insert(_ first: Int, _ second: Int, between isOver: DispatchSemaphore) async throws {
        let access = AccessRights(isReadOnly: false, tokenDigest: [])
        let stream = try newStream(access, isKept: false)
        defer { close(stream) }
        let call = try ParsedCall(HostCall(route: .versionCheck(.three), body: [], access: access), engine: engine)
        let request = RequestUnderWay(call, RequestEnd(deadline: .now + .seconds(60), clock: BootClock()))
        _ = try await execute(HranaStatement(.inline("INSERT INTO t VALUES (\(first))")), on: stream, request)
        holdLane(until: isOver)
        _ = try await execute(HranaStatement(.inline("INSERT INTO t VALUES (\(second))")), on: stream, request)
    }
}
