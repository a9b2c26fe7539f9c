import BerthTestKit
import Changesets
import EngineHost
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import Logging
import ObjectStores
import ServiceLifecycle
import Synchronization
import Testing

@testable import WorkerNode

/// A node that restores large databases, several at once, beside everything else that keeps its threads busy: its session goes on.
///
/// A real Postgres, real threads and real time; an observer as managers have it ends every session that falls silent.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RestoresAndRenewalsTests {
    private static let databases = 3
    private static let changesets = 23
    /// Of each changeset, as it is in the file.
    private static let bytes = 60 << 20
    fileprivate static let ttl = Duration.seconds(10)
    /// Only a failing test waits so long.
    private static let patience = Duration.seconds(300)

    @Test func largeRestoresEndNoSession() async throws {
        let fleet = try await FleetDatabase.make(), disk = try TemporaryDirectory(), objects = MemoryStore()
        let records = try await Self.publish(into: fleet, objects, disk)
        let observer = Observer(fleet)
        let site = try Site(fleet, objects, disk)
        do {
            try await Self.restore(records, on: site, observer)
        } catch {
            await site.crash()
            _ = await observer.stop()
            throw error
        }
        try await site.stop()
        #expect(await observer.stop() == [], "the node left by itself")
    }

    private static func restore(_ records: [DatabaseRecord], on site: Site, _ observer: Observer) async throws {
        try await becomesTrue("the node leads", within: patience) { records.allSatisfy { site.node.leads($0.name) } }
        let renewalsBefore = try await site.renewals()
        // All of them are wanted at once.
        let answers = records.map { record in Task { try await site.client(record).execute("SELECT count(*), min(v = printf('%.*c', length(v), 'w')) FROM t") } }
        try await becomesTrue("all are being restored", within: patience) { records.allSatisfy { site.isRestoring($0) } }
        let wereSeen = await site.occupyAllThreads(until: 3, within: patience)
        #expect(wereSeen, "no renewal came while all other threads were busy")
        for answer in answers { #expect(try await answer.value.texts.first == ["\(rows)", "1"]) }
        #expect(try await site.renewals() >= renewalsBefore + 3)
        #expect(observer.ended == [] && site.node.isReady)
    }

    // MARK: What is in the bucket

    private static let rows = 60

    /// Databases of a former life of the node, whose disk is gone: one large table, each of whose pages every changeset has.
    private static func publish(into fleet: FleetDatabase, _ objects: any ObjectStore, _ disk: TemporaryDirectory) async throws -> [DatabaseRecord] {
        let store = fleet.leaseStore(), catalogue = fleet.catalogue(), session = NewSession(id: .random(), node: try Site.name(), role: .node, address: "http://node-a:1")
        try await store.openSession(session)
        var records: [DatabaseRecord] = []
        for number in 0..<databases {
            let record = DatabaseRecord(
                id: .timeOrdered(), name: try DatabaseName("large-\(number)"), engine: .sqlite, durability: .bucket, createdAt: Date())
            try await catalogue.createDatabase(record, on: session.node)
            records.append(record)
        }
        let leases = try await store.acquire(records.map(\.id), for: session.id)
        let sqlite = try SQLiteDatabase(path: disk.path + "/published")
        defer { sqlite.close() }
        var tip = ChainPosition.origin
        for number in 1...UInt64(changesets) {
            // Text that compresses well: the work is in what it becomes.
            let letter = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(number - 1)))
            let text = "printf('%.*c', \(bytes / rows), '\(letter)')"
            let statements = number == 1
                ? ["CREATE TABLE t (v)", "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows)) SELECT \(text) FROM n"]
                : ["UPDATE t SET v = \(text)"]
            for statement in statements { _ = try sqlite.primary.execute(SQLStatement(statement)) }
            let pages = try #require(try sqlite.capture()).pages
            let changeset = try HADBP.encode(pages, profile: .sqlite, seq: number, previousChecksum: tip.checksum, createdAt: 0)
            _ = try sqlite.checkpoint()
            var builder = BundleBuilder(session: session.id, node: session.node, number: number)
            for lease in leases {
                try builder.append(
                    database: lease.database, epoch: lease.epoch, kind: .delta, firstSeq: number, lastSeq: number, previousChecksum: tip.checksum,
                    checksum: changeset.chainChecksum, pageSize: UInt32(pages.pageSize), createdAt: 0, changeset: changeset.bytes)
            }
            tip = ChainPosition(seq: number, checksum: changeset.chainChecksum)
            let name = builder.header.name.description
            let (bundle, entries) = try builder.finish()
            #expect(entries.allSatisfy { $0.rawLength > UInt64(bytes) })
            try await objects.put(name, bytes: bundle, condition: .createOnly)
            let published = try await store.publish(Publication(session: session.id, bundle: name, bytes: Int64(bundle.count), entries: entries))
            #expect(published.count == records.count)
        }
        try await store.endOwnSession(session.id, node: session.node, reason: "its machine is lost")
        return records
    }
}

/// A node as its process has it: a thread and a connection of their own for renewals, and few other threads.
private final class Site: Sendable {
    let node: WorkerNode
    private let objects: HookedObjectStore
    private let fleet: FleetDatabase
    private let session: NewSession
    private let thread = RenewalThread()
    private let connections: [PostgresConnection]
    private let pool: PostgresPool
    private let work: EnginePool
    private let group: ServiceGroup
    private let running: Task<Void, any Error>
    /// Of work that blocks; no more are added.
    private static let threads = 2

    static func name() throws -> NodeName { try NodeName("node-a") }

    init(_ fleet: FleetDatabase, _ objects: any ObjectStore, _ disk: TemporaryDirectory) throws {
        self.fleet = fleet
        self.objects = HookedObjectStore(objects)
        session = NewSession(
            id: .random(), node: try Self.name(), role: .node, address: "http://node-a:1", timing: LeaseTiming(ttl: RestoresAndRenewalsTests.ttl))
        let renewals = PostgresConnection(
            url: fleet.url, applicationName: "renewals", timeout: session.timing.renewalInterval, executor: thread, logger: .silent)
        connections = [renewals, fleet.connection("leases")]
        pool = fleet.pool(size: 3)
        let catalogue = FleetCatalogue(pool: pool)
        var limits = EnginePool.Limits(threads: Self.threads)
        limits.longThreads = 0
        work = EnginePool(limits, name: "test-work")
        node = WorkerNode(
            session: session, leases: PostgresLeaseStore(renewals: renewals, work: connections[1]), catalogue: catalogue, segments: catalogue,
            objects: self.objects, engines: EngineSet([SQLiteEngine()]), directory: disk.path + "/node", settings: WorkerSettings(), hints: { AsyncStream { $0.finish() } },
            machine: Machine(clock: BootClock(), blockingWork: BlockingWork(on: work), renewalThread: thread), logger: .test)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: node, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .gracefullyShutdownGroup)
                ], logger: .test))
        self.group = group
        running = Task { try await group.run() }
    }

    func client(_ record: DatabaseRecord) -> DataClient {
        DataClient(database: record.name) { [node] call async throws(BerthError) in try await node.serve(call) }
    }

    /// Whether something of it was asked of the bucket, and it is not served yet.
    func isRestoring(_ record: DatabaseRecord) -> Bool {
        !objects.calls.isEmpty && node.table[record.id].map { !$0.isOpen } ?? false
    }

    /// How often its session was renewed so far, as Postgres has it.
    func renewals() async throws -> Int64 {
        try #require(try await fleet.leaseStore().liveSessions().first { $0.id == session.id }, "its session is over").renewals
    }

    /// Keeps every thread that Swift's tasks share, and every one for work that blocks, busy until `count` renewals went by.
    ///
    /// - Returns: whether they did.
    func occupyAllThreads(until count: Int, within patience: Duration) async -> Bool {
        let limit = ContinuousClock.now + patience, blocking = BlockingWork(on: work)
        return await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<Self.threads { group.addTask { await blocking.run { self.compute(until: count, within: limit) } } }
            // Of one process's threads there are as many as processors; each gets several.
            for _ in 0..<4 * ProcessInfo.processInfo.activeProcessorCount { group.addTask { self.compute(until: count, within: limit) } }
            return await group.reduce(true) { $0 && $1 }
        }
    }

    private func compute(until count: Int, within limit: ContinuousClock.Instant) -> Bool {
        var seen = 0, last = node.renewalAge
        while seen < count {
            let age = node.renewalAge
            if age < last { seen += 1 }
            last = age
            if ContinuousClock.now > limit { return false }
        }
        return true
    }

    func stop() async throws {
        await group.triggerGracefulShutdown()
        defer { thread.end() }
        try await running.value
        await end()
    }

    func crash() async {
        running.cancel()
        _ = await running.result
        await end()
        thread.end()
    }

    private func end() async {
        for connection in connections { await connection.close() }
        await pool.close()
        await work.shutdown()
    }
}

extension WorkerNode {
    /// In seconds: how long ago its session was renewed.
    fileprivate var renewalAge: Double { gauges().first { $0.name == "berth_session_renewal_age_seconds" }?.value ?? 0 }
}

/// Ends sessions that fall silent, as a manager does; in this process, but with a thread of its own as if it were in another.
private final class Observer: Sendable {
    private let thread = RenewalThread(name: "observer")
    private let connection: PostgresConnection
    private let verdicts = Mutex<[String]>([])
    private let watching = Mutex<Task<Void, Never>?>(nil)

    init(_ fleet: FleetDatabase) {
        connection = PostgresConnection(url: fleet.url, applicationName: "observer", timeout: .seconds(60), executor: thread, logger: .silent)
        watching.withLock { $0 = Task(executorPreference: thread) { [self] in await watch() } }
    }

    private func watch() async {
        let store = PostgresLeaseStore(renewals: connection, work: connection), clock = thread.clock
        var observer = SessionObserver()
        while !Task.isCancelled {
            do throws(LeaseStoreError) {
                for verdict in observer.observe(try await store.liveSessions(), receivedAt: clock.now())
                where try await store.endSession(verdict.session.id, seen: verdict.session.renewals, reason: "silent") {
                    verdicts.withLock { $0.append("\(verdict.session.node), silent for \(verdict.silence)") }
                }
            } catch { observer.readingFailed(at: clock.now()) }
            do { try await clock.sleep(for: .milliseconds(200)) } catch { return }
        }
    }

    /// Sessions it ended.
    var ended: [String] { verdicts.withLock { $0 } }

    func stop() async -> [String] {
        let task = watching.withLock { $0.take() }
        task?.cancel()
        await task?.value
        await connection.close()
        thread.end()
        return ended
    }
}
