import BerthTestKit
import EngineHost
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import Logging
import ObjectStores
import Testing

@testable import WorkerNode

/// The end of a node, wanted and unwanted.
@Suite(.timeLimit(.minutes(1)))
struct NodeLifeTests {
    private let stores: TestStores
    private let catalogue: FakeCatalogue

    init() throws {
        stores = try TestStores()
        catalogue = FakeCatalogue(leases: stores.leases.base)
    }

    private func led(_ node: TestNode, durability: Durability) async throws -> DatabaseRecord {
        let record = try await stores.makeDatabase(durability: durability)
        catalogue.place(record, on: node.name)
        try await becomesTrue("it leads") { node.leads(record) }
        try await node.client(record).execute("CREATE TABLE t (v)")
        try await node.publishAll()
        return record
    }

    /// What a process had on its way when it died: nobody asks for it any more.
    @Test func whatAFormerProcessSpooledIsGone() async throws {
        let spool = stores.disk.path + "/node-a/spool/node"
        try FileManager.default.createDirectory(atPath: spool, withIntermediateDirectories: true)
        try Data(repeating: 1, count: 1_000).write(to: URL(filePath: spool + "/left"))
        let node = try TestNode("node-a", stores, catalogue)
        #expect(!FileManager.default.fileExists(atPath: spool + "/left"))
        try await stores.whileTimePasses { try await node.stop() }
    }

    @Test func aSessionThatIsRefusedEndsTheNode() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node, durability: .bucket)
            // One request waits for the bucket, one for the turn to write, and a move for both.
            let door = Latch()
            node.leases.before { call throws(LeaseStoreError) in if case .publish = call { await door.pass() } }
            let baton = try await node.client(record).pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            let waiting = Task { try await node.client(record).execute("INSERT INTO t VALUES (2)") }
            let commit = Task { try await node.client(record).pipeline(baton, .execute("COMMIT"), .execute("SELECT 1")) }
            try await becomesTrue("it is being published") { door.arrivals == 1 }
            let successor = try TestNode("node-b", stores, catalogue)
            catalogue.place(record, on: successor.name)
            try await stores.leases.base.revokeSession(node.session.id)
            door.open()
            let error = await node.waitForEnd() as? BerthError
            #expect(error?.code == .sessionEnded)
            #expect(!node.node.isReady)
            // Each has its answer; which, depends on how far it got.
            _ = await waiting.result
            _ = await commit.result
            try await stores.leases.base.endOwnSession(node.session.id, node: node.name, reason: "supervisor")
            _ = try await eventuallyExecute("SELECT count(*) FROM t", on: record, [successor])
            try await successor.stop()
        }
    }

    @Test func aSessionThatIsLostWhileTheBucketIsDownEndsTheNodeAllTheSame() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node, durability: .bucket)
            node.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            let write = Task { try await node.client(record).execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("it is not shipped") { !node.node.shipLags().isEmpty }
            // A move that waits for the publish, too.
            let other = try TestNode("node-b", stores, catalogue)
            catalogue.place(record, on: other.name)
            try await becomesTrue("it is draining") { node.tenant(record)?.isDraining == true }
            let since = stores.clock.now()
            try await stores.leases.base.revokeSession(node.session.id)
            let error = await node.waitForEnd() as? BerthError
            #expect(error?.code == .sessionEnded)
            #expect(stores.clock.now() - since < .seconds(15), "it waited for what will never come")
            let failure = await #expect(throws: BerthError.self) { try await write.value }
            #expect(failure?.code == .outcomeUnknown)
            try await other.stop()
        }
    }

    /// Others may lead by then: a database whose host does not close it keeps nobody.
    @Test func aNodeWhoseSessionIsOverEndsWhateverHangs() async throws {
        let door = Latch(), pool = EnginePool(threads: 2)
        let node = try TestNode(
            "node-a", stores, catalogue,
            host: { [clock = stores.clock] gate in
                let base = ThreadHost(
                    engines: EngineSet([SQLiteEngine()]), pool: pool, blockingWork: .threads, settings: HostSettings(), clock: clock,
                    gate: { gate.isOpen }, logger: .test)
                return FaultyHost(base: base, faults: FaultyHost.Faults(closing: door))
            })
        try await stores.whileTimePasses {
            let record = try await led(node, durability: .local)
            try await node.client(record).execute("SELECT 1")
            try await stores.leases.base.revokeSession(node.session.id)
            try await becomesTrue("it closes what is open") { door.arrivals == 1 }
            let error = await node.waitForEnd() as? BerthError
            #expect(error?.code == .sessionEnded)
        }
        await pool.shutdown()
    }

    /// Rule 8: what cannot be published keeps its lease, its session and its files.
    @Test(arguments: [Durability.local, .bucket])
    func aStopThatCannotPublishKeepsWhatIsCommitted(durability: Durability) async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node, durability: durability)
            let epoch = try await stores.lease(of: record).epoch
            node.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            let write = Task { try await node.client(record).execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("it is not shipped") { !node.node.shipLags().isEmpty }
            let since = stores.clock.now()
            let error = await #expect(throws: BerthError.self) { try await node.stop() }
            #expect(error?.code == .unpublishedCommits && error?.message.contains("“db”") == true)
            let duration = stores.clock.now() - since
            #expect(duration >= .seconds(19) && duration < .seconds(30))
            if durability == .bucket {
                let unconfirmed = await #expect(throws: BerthError.self) { try await write.value }
                #expect(unconfirmed?.code == .outcomeUnknown)
            }
            let lease = try await stores.lease(of: record)
            #expect(lease.session == node.session.id && lease.epoch == epoch, "it keeps the lease")
            #expect(try await stores.leases.base.liveSessions().map(\.id) == [node.session.id], "and the session, which runs out")

            try await stores.leases.base.endOwnSession(node.session.id, node: node.name, reason: "ran out")
            let next = try TestNode("node-a", stores, catalogue)
            #expect(try await eventuallyExecute("SELECT count(*) FROM t", on: record, [next]).firstColumn == ["1"])
            try await next.stop()
        }
    }

    @Test func aStopByForceGivesUpWhatItCannotPublish() async throws {
        var settings = TestNode.settings()
        settings.stopsByForce = true
        let node = try TestNode("node-a", stores, catalogue, settings: settings)
        try await stores.whileTimePasses {
            let record = try await led(node, durability: .local)
            node.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            try await node.client(record).execute("INSERT INTO t VALUES (1)")
            try await node.stop()
            #expect(try await stores.leases.base.liveSessions().isEmpty, "others may take over at once")
        }
    }

    @Test func aNodeCutOffFromTheLeaseStoreStopsAnsweringBeforeAnotherBegins() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node, durability: .local)
            node.cutOff()
            try await becomesTrue("its gate is closed") { !node.node.isReady }
            for sql in ["SELECT 1", "INSERT INTO t VALUES (1)"] {
                let error = await #expect(throws: BerthError.self) { try await node.client(record).execute(sql) }
                #expect(error?.code == .leaderUnavailable)
            }
            // A late renewal is valid.
            node.reconnect()
            try await becomesTrue("its gate is open") { node.node.isReady }
            try await node.client(record).execute("INSERT INTO t VALUES (2)")
            try await node.stop()
        }
    }

    @Test func aSessionThatCannotBeOpenedEndsTheNode() async throws {
        let node = try TestNode("node-a", stores, catalogue) { leases, _ in
            leases.before { _ throws(LeaseStoreError) in throw .unavailable("test") }
        }
        let error = await node.waitForEnd() as? BerthError
        #expect(error?.code == .storeUnavailable)
    }

    @Test func theAgeOfTheLastLookTellsWhenNothingCanBeCompared() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        func age() -> Double { node.node.gauges().first { $0.name == "berth_reconcile_age_seconds" }?.value ?? -2 }
        try await stores.whileTimePasses {
            try await becomesTrue("it looked") { age() >= 0 }
            node.cutOff()
            try await becomesTrue("its gate is closed") { !node.node.isReady }
            try await becomesTrue("the age grows") { age() > 10 }
            node.reconnect()
            try await becomesTrue("it looks again") { age() < 2 }
            try await node.stop()
        }
    }
}
