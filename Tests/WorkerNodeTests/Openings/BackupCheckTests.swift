import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import ObjectStores
import Replication
import Testing

@testable import WorkerNode

/// What is published is restored and checked before a failover needs it.
@Suite(.timeLimit(.minutes(1)))
struct BackupCheckTests {
    private let stores: TestStores
    private let catalogue: FakeCatalogue

    init() throws {
        stores = try TestStores()
        catalogue = FakeCatalogue(leases: stores.leases.base)
    }

    private func withNode(
        _ engines: EngineSet = EngineSet([SQLiteEngine()]), _ change: (inout BackupCheckSettings) -> Void = { _ in },
        _ body: (TestNode, DatabaseRecord) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase()
        catalogue.place(record, on: try NodeName("node-a"))
        var settings = TestNode.settings()
        settings.backupCheck.interval = .seconds(1)
        settings.backupCheck.age = .zero
        settings.backupCheck.retry = .seconds(3)
        change(&settings.backupCheck)
        let node = try TestNode("node-a", stores, catalogue, settings: settings, engines: engines)
        try await stores.whileTimePasses {
            _ = try await eventuallyExecute("CREATE TABLE t (v)", on: record, [node])
            try await node.publishAll()
            try await body(node, record)
            try await node.stop()
        }
    }

    private func age(of node: TestNode) -> Double? { node.node.gauges().first { $0.name == "berth_backup_verified_age_seconds" }?.value }

    @Test func whatIsPublishedIsCheckedAndSaid() async throws {
        try await withNode { node, record in
            try await becomesTrue("it is checked") { catalogue.said(of: record).verified == 1 }
            _ = try await node.client(record).execute("INSERT INTO t VALUES (1)")
            try await becomesTrue("the next state as well") { catalogue.said(of: record).verified == 2 }
            try await becomesTrue("nothing is left to check") { age(of: node) == 0 }
            let copy = LocalCopy(database: record.id, in: stores.disk.path + "/node-a/check")
            try await becomesTrue("nothing is left on the disk") { !FileManager.default.fileExists(atPath: copy.filePath) }
        }
    }

    /// Its leader has it open and serves: the copy in the bucket would be of no use to anybody else.
    @Test func whatDoesNotOpenIsSaidAndPublishedAnew() async throws {
        let engine = ForgetfulEngine()
        try await withNode(EngineSet([engine])) { node, record in
            try await becomesTrue("it is checked") { catalogue.said(of: record).verified == 1 }
            engine.failures.add(1)
            _ = try await node.client(record).execute("INSERT INTO t VALUES (1)")
            try await node.publishAll()
            try await becomesTrue("it is said") { catalogue.said(of: record).unopenable?.seq == 2 }
            #expect(catalogue.said(of: record).servedEpoch != nil, "it is served all the same")
            try await becomesTrue("all of it is published once more") { try await stores.lease(of: record).head.seq == 3 }
            #expect(try await node.client(record).execute("SELECT v FROM t").firstColumn == ["1"])
            try await stores.verifyChain(of: record)
            try await becomesTrue("the next check finds it good") { catalogue.said(of: record).verified == 3 }
            #expect(catalogue.said(of: record).unopenable == nil)
        }
    }

    @Test func whatIsTooLargeIsLeftAndItsAgeTells() async throws {
        try await withNode { $0.maximumBytes = FakeCatalogue.backupBytes - 1 } _: { node, record in
            try await becomesTrue("its age tells") { (age(of: node) ?? 0) >= 60 }
            #expect(catalogue.said(of: record).verified == nil && catalogue.said(of: record).unopenable == nil)
        }
    }

    /// A bucket that is away says nothing about what is in it, and keeps nobody from being served.
    @Test func aBucketThatIsAwaySaysNothing() async throws {
        try await withNode { node, record in
            try await becomesTrue("it is checked") { catalogue.said(of: record).verified == 1 }
            _ = try await node.client(record).execute("INSERT INTO t VALUES (1)")
            try await node.publishAll()
            node.objects.before { _ in throw ObjectStoreError.unavailable(reason: "away", retryable: true) }
            let later = stores.clock.now() + .seconds(30)
            try await becomesTrue("some checks are due") { stores.clock.now() > later }
            #expect(catalogue.said(of: record).unopenable == nil)
            #expect(try await node.client(record).execute("SELECT v FROM t").firstColumn == ["1"])
            node.objects.before(nil)
        }
    }
}

/// SQLite that finds a copy damaged as often as a test tells.
private struct ForgetfulEngine: Engine {
    let failures = UncommittingEngine.Failures()
    private var base: any Engine = SQLiteEngine()

    func timed(by clock: any FleetClock) -> any Engine {
        var engine = self
        engine.base = base.timed(by: clock)
        return engine
    }

    var kind: EngineKind { base.kind }
    var profile: HADBP.Profile { base.profile }
    func open(_ path: String, base known: CaptureBase, settings: DatabaseSettings) throws(SQLError) -> any EngineDatabase { try base.open(path, base: known, settings: settings) }
    func build(at path: String) throws(BerthError) -> any EngineFileBuilder { try base.build(at: path) }
    func apply(_ sets: [PageSet], to path: String) throws(BerthError) { try base.apply(sets, to: path) }
    func transactionRole(of sql: String) -> TransactionRole { base.transactionRole(of: sql) }
    func verify(_ path: String) throws(SQLError) {
        try base.verify(path)
        if failures.take() { throw SQLError(code: "SQLITE_CORRUPT", message: "as the test wants it") }
    }
}
