import BerthTestKit
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

@testable import WorkerNode

/// What tenants need of a node, without its reconciler: the test decides which leases there are.
struct TenantHost {
    let stores: TestStores
    let session: NewSession
    let gate: SessionGate
    let environment: TenantEnvironment

    /// Runs `body` with a host, and ends it.
    ///
    /// - Parameter clock: of the gate and the tenants; the stores' own if `nil`.
    static func with<Value>(
        _ stores: TestStores, node: String = "node-a", settings: TenantSettings = TenantSettings(),
        clock: (any FleetClock)? = nil, engines: EngineSet = EngineSet([SQLiteEngine()]), blockingWork: BlockingWork = .threads,
        openFiles: Int = .max,
        isolation: isolated (any Actor)? = #isolation, _ body: (TenantHost) async throws -> Value
    ) async throws -> Value {
        let clock = clock ?? stores.clock
        var settings = settings
        settings.cursorEndLine = true
        let session = NewSession(id: .random(), node: try NodeName(node), role: .node, address: "http://\(node):1")
        try await stores.leases.base.openSession(session)
        let gate = SessionGate(clock: clock)
        let shipper = Shipper(
            session: session, objects: stores.objects, leases: stores.leases, settings: ShipperSettings(),
            clock: stores.clock, logger: .test)
        let pool = EnginePool(threads: 2)
        let environment = TenantEnvironment(
            session: session, gate: gate, leases: stores.leases, shipper: shipper,
            restorer: Restorer(segments: stores.segments, objects: stores.objects, logger: .test), pool: pool,
            blockingWork: blockingWork, engines: engines, settings: settings, clock: clock,
            directory: stores.disk.path + "/" + node, openFiles: OpenFiles(limit: openFiles), logger: .test)
        let host = TenantHost(stores: stores, session: session, gate: gate, environment: environment)
        host.openGate()
        let shipping = Task { await shipper.run() }
        let watching = Task { await environment.attention.run(every: .milliseconds(100), clock: stores.clock) }
        func end() async {
            shipping.cancel()
            watching.cancel()
            await shipping.value
            await watching.value
            await pool.shutdown()
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

    var isServingNow: Bool { if case .serving = state { true } else { false } }
    var isLost: Bool { if case .gone = state { true } else { false } }
    /// No stream is open and nobody writes or waits to.
    var isAtRest: Bool { streams.isEmpty && turn.owner == nil && !turn.hasWaiters && requestsUnderWay == 0 }
    var streamCount: Int { streams.count }
    var turnOwner: UInt64? { turn.owner }
    var hasTurnWaiters: Bool { turn.hasWaiters }
    var waitsForPublish: Bool { !publishWaiters.isEmpty }
    var allIsPublished: Bool { lastCommit == publishedCommit && cutCommit == nil }
    /// Opened, with no request under way and everything published.
    var hasServedAll: Bool { isServingNow && requestsUnderWay == 0 && allIsPublished }
    private var sqlite: SQLiteDatabase? {
        guard case .serving(let database) = state else { return nil }
        return database as? SQLiteDatabase
    }
    /// The primary included.
    var openConnections: Int { sqlite.map { $0.connections.count + 1 } ?? 0 }
    var waitingRequests: Int { requestsUnderWay }
    var currentClaim: LeaseClaim { LeaseClaim(database: database, epoch: epoch, headSeq: head.seq) }

    func walBytes() -> Int {
        (try? sqlite?.walBytes()) ?? 0
    }

    func wouldAcknowledge(life: UInt64) -> Bool { isServing(RequestUnderWay(epoch: epoch, life: life)) }
    func closeAllStreams() { for stream in streams.values { close(stream) } }

    /// Makes the next capture fail, with a commit behind it that is lost.
    func damage() throws {
        noteCommit()
        try damageWAL()
    }

    func damageWAL() throws {
        guard truncate(copy.filePath + "-wal", 40) == 0 else { throw BerthError(.internalError, "no WAL to damage") }
    }

    /// Keeps the lane, as a statement that takes long does, until `isOver` is signalled.
    func holdLane(until isOver: DispatchSemaphore) { isOver.wait() }
    /// The shipper waits for the lane.
    nonisolated var isCutAsked: Bool {
        let now = environment.clock.now()
        return shipClock.withLock { $0.isCutWaiting(at: now) }
    }

    /// One request that writes, does something that takes until `isOver` is signalled, and writes again.
    func insert(_ first: Int, _ second: Int, between isOver: DispatchSemaphore) async throws {
        let stream = try newStream(AccessRights(isReadOnly: false, tokenDigest: []), isKept: false)
        defer { close(stream) }
        let request = RequestUnderWay(epoch: epoch, life: life)
        _ = try await execute(HranaStatement(.inline("INSERT INTO t VALUES (\(first))")), on: stream, request)
        holdLane(until: isOver)
        _ = try await execute(HranaStatement(.inline("INSERT INTO t VALUES (\(second))")), on: stream, request)
    }
}
