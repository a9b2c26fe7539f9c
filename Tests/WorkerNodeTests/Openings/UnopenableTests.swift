import BerthTestKit
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import ObjectStores
import Replication
import Synchronization
import Testing

@testable import WorkerNode

/// What is published is whole and does not open: said, kept where it is, and given up only by a person.
@Suite(.timeLimit(.minutes(1)))
struct UnopenableTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    /// Published: 1 the table, 2 a row, 3 the poison, 4 another row. Its leader, which has it open, is gone.
    private func poisoned() async throws -> DatabaseRecord {
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            let tenant = try await host.lead(record)
            for sql in ["CREATE TABLE t (v)", "INSERT INTO t VALUES ('old')", "CREATE TABLE poison (v)", "INSERT INTO t VALUES ('new')"] {
                try await stores.whileTimePasses {
                    try await tenant.client.execute(sql)
                    try await becomesTrue("it is shipped") { await tenant.allIsPublished }
                }
            }
            await tenant.abandon(reason: "crash")
            try await stores.leases.base.endOwnSession(host.session.id, node: host.session.node, reason: "crash")
        }
        #expect(try await stores.lease(of: record).head.seq == 4)
        return record
    }

    private func withPicky(_ body: (TenantHost) async throws -> Void) async throws {
        try await TenantHost.with(stores, node: "node-b", engines: EngineSet([PickyEngine()])) { try await body($0) }
    }

    private func expectUnopenable(_ tenant: Tenant, sourceLocation: SourceLocation = #_sourceLocation) async {
        let error = await #expect(throws: BerthError.self, sourceLocation: sourceLocation) { try await tenant.client.execute("SELECT 1") }
        #expect(error?.code == .databaseUnopenable, sourceLocation: sourceLocation)
        #expect(error?.message.contains(stores.disk.path) == false, sourceLocation: sourceLocation)
    }

    @Test func itIsSaidAndTheNewestStateThatOpensIsFound() async throws {
        let record = try await poisoned()
        try await withPicky { host in
            let tenant = try await host.lead(record)
            await expectUnopenable(tenant)
            try await becomesTrue("the search ends") { await tenant.foundState?.opensSeq != nil }
            let found = try #require(await tenant.foundState)
            #expect(found.seq == 4 && found.opensSeq == 2 && found.code == "SQLITE_CORRUPT")
            #expect(found.reason.contains("poison") && !found.reason.contains(stores.disk.path))
            // Asked again, nothing is restored again, and the lease stays: however long, no other node could do more.
            stores.objects.before { _ in throw ObjectStoreError.unavailable(reason: "not to be asked", retryable: false) }
            stores.clock.advance(by: .seconds(120))
            await expectUnopenable(tenant)
            #expect(await tenant.prepareGivingUp(after: .zero) == nil)
            #expect(tenant.unableToServe(at: stores.clock.now()) == .zero)
            #expect(try await stores.lease(of: record).head.seq == 4)
        }
    }

    /// A bucket that is away says nothing about what is in it.
    @Test func aBucketThatIsAwayIsAnotherMatter() async throws {
        let record = try await poisoned()
        try await withPicky { host in
            stores.objects.before { _ in throw ObjectStoreError.unavailable(reason: "away", retryable: true) }
            let tenant = try await host.lead(record)
            let error = await #expect(throws: BerthError.self) { try await tenant.client.execute("SELECT 1") }
            #expect(error?.code == .bucketUnavailable)
            #expect(await tenant.foundState == nil && !tenant.saysUnopenable)
            #expect(tenant.unableToServe(at: stores.clock.now() + .seconds(31)) >= .seconds(30), "it may be given up as before")
        }
    }

    /// What lies on the disk is not what is published: the bucket decides.
    @Test func aCopyThatDoesNotOpenIsRestored() async throws {
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            let tenant = try await host.lead(record)
            try await stores.whileTimePasses {
                try await tenant.client.execute("CREATE TABLE t (v)")
                try await becomesTrue("it is closed") {
                    await tenant.closeIfIdle(before: stores.clock.now() + .seconds(1))
                    return await !tenant.isServingNow
                }
            }
            let path = tenant.copy.filePath
            try Data(repeating: 7, count: 8192).write(to: URL(fileURLWithPath: path))
            #expect(try await tenant.client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
        }
    }

    /// After a fatal error an engine opens its files anew; when it cannot, what is published is opened instead.
    @Test func anOpenDatabaseThatBreaksIsReopenedFromTheBucket() async throws {
        let record = try await stores.makeDatabase()
        let engine = UncommittingEngine(.isBroken)
        try await TenantHost.with(stores, engines: EngineSet([engine])) { host in
            let tenant = try await host.lead(record)
            try await stores.whileTimePasses {
                try await tenant.client.execute("CREATE TABLE t (v)")
                try await tenant.client.execute("INSERT INTO t VALUES ('kept')")
                try await becomesTrue("it is shipped") { await tenant.allIsPublished }
            }
            engine.failures.add(1)
            await #expect(throws: (any Error).self) { try await tenant.client.execute("SELECT v FROM t") }
            #expect(engine.failures.left == 0)
            #expect(await !tenant.isServingNow)
            #expect(try await tenant.client.execute("SELECT v FROM t").firstColumn == ["kept"])
        }
    }

    @Test func whatIsAcceptedIsPublishedAsTheNextStateAndServed() async throws {
        let record = try await poisoned()
        try await withPicky { host in
            let tenant = try await host.lead(record)
            await expectUnopenable(tenant)
            try await becomesTrue("the search ends") { await tenant.foundState?.opensSeq == 2 }
            // Another state than the one that was found is not accepted.
            await tenant.accept(1)
            await expectUnopenable(tenant)

            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            await tenant.accept(2)
            let error = await #expect(throws: BerthError.self) { try await tenant.client.execute("SELECT v FROM t") }
            #expect(error?.code == .leaderUnavailable, "not before it is the head")
            door.open()
            try await stores.whileTimePasses { try await becomesTrue("it serves") { await tenant.isServingNow } }
            #expect(try await tenant.client.execute("SELECT v FROM t").firstColumn == ["old"])
            #expect(try await stores.lease(of: record).head.seq == 5)
            try await stores.verifyChain(of: record)
            #expect(!tenant.saysUnopenable)
            try await stores.whileTimePasses {
                try await tenant.client.execute("INSERT INTO t VALUES ('after')")
                try await becomesTrue("it is shipped") { await tenant.allIsPublished }
            }
            // The files that did not open are kept beside the copy.
            #expect(FileManager.default.fileExists(atPath: tenant.copy.directory + "/aside/db"))
            // Another node restores the chain, past the states that do not open.
            let copy = LocalCopy(database: record.id, in: stores.disk.path + "/other")
            _ = try await host.environment.restorer.bring(copy, to: try await stores.lease(of: record).head, by: PickyEngine())
            try PickyEngine().verify(copy.filePath)
        }
    }

    /// It can be moved to a node whose engine may open it.
    @Test func itCanBeHandedOver() async throws {
        let record = try await poisoned()
        try await withPicky { host in
            let tenant = try await host.lead(record)
            await expectUnopenable(tenant)
            try await TenantHost.with(stores, node: "node-c") { other in
                #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
                let successor = try await other.find(record)
                #expect(try await successor.client.execute("SELECT count(*) FROM t").firstColumn == ["2"])
            }
        }
    }

    // MARK: Nodes

    @Test func theCatalogueHearsOfItAndTheLeaseDoesNotWander() async throws {
        let record = try await poisoned()
        let catalogue = FakeCatalogue(leases: stores.leases.base)
        catalogue.place(record, on: try NodeName("node-b"))
        let node = try TestNode("node-b", stores, catalogue, engines: EngineSet([PickyEngine()]))
        try await stores.whileTimePasses {
            try await becomesTrue("it leads") { node.leads(record) }
            catalogue.await(record)
            try await becomesTrue("it is said") { catalogue.said(of: record).unopenable?.opensSeq == 2 }
            #expect(catalogue.said(of: record).servedEpoch == nil)
            #expect(node.node.gauges().contains { $0.name == "berth_databases_unopenable" && $0.value == 1 })
            let epoch = try await stores.lease(of: record).epoch
            let later = stores.clock.now() + .seconds(65)
            try await becomesTrue("twice the time passes after which a holder gives up") { stores.clock.now() > later }
            #expect(try await stores.lease(of: record).epoch == epoch && node.leads(record))
            #expect(catalogue.declined.isEmpty)
            // A person accepts.
            catalogue.accept(2, of: record)
            try await becomesTrue("it is served") { catalogue.said(of: record).servedEpoch == epoch }
            #expect(catalogue.said(of: record).unopenable == nil)
            #expect(node.node.gauges().contains { $0.name == "berth_databases_unopenable" && $0.value == 0 })
            #expect(try await node.client(record).execute("SELECT v FROM t").firstColumn == ["old"])
            try await node.stop()
        }
    }

    /// The leader has it open and serves; the target finds out before it takes over.
    @Test func aTargetThatCannotOpenItRefusesBeforeItTakesOver() async throws {
        let record = try await stores.makeDatabase()
        let catalogue = FakeCatalogue(leases: stores.leases.base)
        catalogue.place(record, on: try NodeName("node-a"))
        let leader = try TestNode("node-a", stores, catalogue)
        let target = try TestNode("node-b", stores, catalogue, engines: EngineSet([PickyEngine()]))
        try await stores.whileTimePasses {
            _ = try await eventuallyExecute("CREATE TABLE poison (v)", on: record, [leader])
            try await leader.publishAll()
            catalogue.place(record, on: try NodeName("node-b"))
            try await becomesTrue("it refuses") { catalogue.said(of: record).refusal != nil }
            #expect(catalogue.said(of: record).refusal?.code == "SQLITE_CORRUPT")
            #expect(catalogue.said(of: record).refusal?.reason.contains(stores.disk.path) == false)
            #expect(leader.leads(record) && !target.leads(record))
            #expect(try await leader.client(record).execute("SELECT count(*) FROM poison").firstColumn == ["0"])
            try await leader.stop()
            try await target.stop()
        }
    }
}

extension Tenant {
    fileprivate nonisolated var saysUnopenable: Bool { isUnopenable }

    fileprivate var foundState: UnopenableState? {
        machine.withLock { $0.unopenable?.state }
    }
}
