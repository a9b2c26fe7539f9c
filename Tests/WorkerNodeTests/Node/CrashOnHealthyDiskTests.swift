import BerthTestKit
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import ObjectStores
import Replication
import Testing

@testable import EngineHost
@testable import WorkerNode

/// A node dies, its disk does not: what it acknowledged and had not shipped is shipped by its next life, unless somebody led meanwhile.
@Suite(.timeLimit(.minutes(1)))
struct CrashOnHealthyDiskTests {
    private let stores: TestStores
    private let catalogue: FakeCatalogue

    init() throws {
        stores = try TestStores()
        catalogue = FakeCatalogue(leases: stores.leases.base)
    }

    private func led(_ node: TestNode, durability: Durability = .local) async throws -> DatabaseRecord {
        let record = try await stores.makeDatabase(durability: durability)
        catalogue.place(record, on: node.name)
        try await becomesTrue("it leads") { node.leads(record) }
        try await node.client(record).execute("CREATE TABLE t (v)")
        try await node.client(record).execute("INSERT INTO t VALUES ('published')")
        try await node.publishAll()
        return record
    }

    private func bucketIsAway(for node: TestNode) {
        node.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
    }

    private func write(_ values: String..., to record: DatabaseRecord, on node: TestNode) async throws {
        for value in values { try await node.client(record).execute("INSERT INTO t VALUES ('\(value)')") }
    }

    private func values(_ record: DatabaseRecord, _ node: TestNode) async throws -> [String] {
        try await eventuallyExecute("SELECT v FROM t ORDER BY rowid", on: record, [node]).firstColumn
    }

    @Test func whatWasAcknowledgedIsThereAndShippedWithoutARequest() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            bucketIsAway(for: node)
            try await write("a", "b", "c", to: record, on: node)
            let head = try await stores.lease(of: record).head
            try await node.crash()
            #expect(try await stores.lease(of: record).head == head, "nothing of it was published")

            let next = try TestNode("node-a", stores, catalogue)
            try await becomesTrue("it is published") { try await stores.lease(of: record).head.seq == head.seq + 1 }
            #expect(next.objects.calls.allSatisfy { $0.operation != .get }, "nothing had to be read from the bucket")
            #expect(try await values(record, next) == ["published", "a", "b", "c"])
            try await write("d", to: record, on: next)
            try await next.publishAll()
            try await stores.verifyChain(of: record)
            try await next.stop()
            // From the bucket alone.
            catalogue.place(record, on: try NodeName("node-z"))
            let other = try TestNode("node-z", stores, catalogue)
            #expect(try await values(record, other) == ["published", "a", "b", "c", "d"])
            try await other.stop()
        }
    }

    /// Dies again and again, each time before anything is published.
    @Test func manyCrashesInARowLoseNothing() async throws {
        var node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            var expected = ["published"]
            for round in 0..<4 {
                bucketIsAway(for: node)
                try await write("\(round)", to: record, on: node)
                expected.append("\(round)")
                try await node.crash()
                node = try TestNode("node-a", stores, catalogue)
                #expect(try await values(record, node) == expected)
            }
            try await stores.verifyChain(of: record)
            try await node.stop()
        }
    }

    /// While the former session lives on, the database is assigned to this node and held by another session, like one that is to be taken over.
    @Test func whatWasLeftIsNotReplacedWhileTheFormerSessionLives() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            bucketIsAway(for: node)
            try await write("a", to: record, on: node)
            try await node.crash(endsSession: false)
            let next = try TestNode("node-a", stores, catalogue)
            let since = stores.clock.now()
            try await becomesTrue("it has looked, and looked again") { stores.clock.now() - since > .seconds(5) && next.node.isReady }
            try await stores.leases.base.endOwnSession(node.session.id, node: node.name, reason: "its supervisor is back")
            #expect(try await values(record, next) == ["published", "a"])
            try await next.stop()
        }
    }

    /// Nothing is served of what was left, not even read, before it is published.
    @Test func nothingIsServedBeforeItIsPublished() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            bucketIsAway(for: node)
            try await write("a", to: record, on: node)
            try await node.crash()
            let next = try TestNode("node-a", stores, catalogue, before: { _, objects in
                objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            })
            try await becomesTrue("it leads") { next.leads(record) }
            let error = await #expect(throws: BerthError.self) { try await next.client(record).execute("SELECT v FROM t") }
            #expect(error?.code == .bucketUnavailable)
            // Stopped now, it is still not lost.
            let left = await #expect(throws: BerthError.self) { try await next.stop() }
            #expect(left?.code == .unpublishedCommits)
            try await stores.leases.base.endOwnSession(next.session.id, node: next.name, reason: "ran out")
            let third = try TestNode("node-a", stores, catalogue)
            #expect(try await values(record, third) == ["published", "a"])
            try await third.stop()
        }
    }

    /// Its first opening gave up waiting, and the changeset is still on its way: files that were restored meanwhile would lie below the head
    /// it is going to make.
    @Test func nothingIsRestoredWhileWhatWasLeftIsOnItsWay() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            bucketIsAway(for: node)
            try await write("a", to: record, on: node)
            try await node.crash()
            let next = try TestNode("node-a", stores, catalogue, before: { _, objects in
                objects.before { call in
                    if call.operation == .put { throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
                }
            })
            try await becomesTrue("it leads") { next.leads(record) }
            let first = await #expect(throws: BerthError.self) { try await next.client(record).execute("SELECT v FROM t") }
            #expect(first?.code == .bucketUnavailable)
            // From now on the files prove nothing, and what is published could be read.
            try LocalCopy(database: record.id, in: stores.disk.path + "/node-a").removeWatermark()
            let second = await #expect(throws: BerthError.self) { try await next.client(record).execute("SELECT v FROM t") }
            #expect(second?.code == .bucketUnavailable)
            #expect(next.objects.count(.get) == 0)
            next.objects.before(nil)
            try await becomesTrue("it is served") { (try? await next.client(record).execute("SELECT v FROM t")) != nil }
            #expect(try await values(record, next) == ["published", "a"])
            try await write("b", to: record, on: next)
            try await next.publishAll()
            try await stores.verifyChain(of: record)
            try await next.stop()
            catalogue.place(record, on: try NodeName("node-z"))
            let other = try TestNode("node-z", stores, catalogue)
            #expect(try await values(record, other) == ["published", "a", "b"])
            try await other.stop()
        }
    }

    /// A publish whose reply never came: whether it happened shows in the lease.
    @Test(arguments: [false, true])
    func diedWhilePublishing(itHappened: Bool) async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            let head = try await stores.lease(of: record).head
            if itHappened {
                node.leases.after { call throws(LeaseStoreError) in if case .publish = call { throw .outcomeUnknown("test") } }
                node.leases.before { call throws(LeaseStoreError) in
                    if case .leasesOf = call { throw .unavailable("test") }
                }
            } else {
                node.leases.before { call throws(LeaseStoreError) in if case .publish = call { throw .outcomeUnknown("test") } }
            }
            try await write("a", to: record, on: node)
            try await becomesTrue("it was sent") { node.leases.publications.count > 1 || !itHappened && !node.objects.calls.isEmpty }
            try await becomesTrue("the store is as it should be") {
                try await stores.lease(of: record).head.seq == head.seq + (itHappened ? 1 : 0)
            }
            // Not in what was sent.
            try await write("b", to: record, on: node)
            try await node.crash()
            let next = try TestNode("node-a", stores, catalogue)
            #expect(try await values(record, next) == ["published", "a", "b"])
            try await next.publishAll()
            try await stores.verifyChain(of: record)
            try await next.stop()
        }
    }

    /// Somebody else has led since, if only for a moment: what was left is not brought back behind its back.
    @Test(arguments: [false, true])
    func whoWasOvertakenRestores(successorPublishes: Bool) async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            bucketIsAway(for: node)
            try await write("a", to: record, on: node)
            try await node.crash()
            let other = try TestNode("node-b", stores, catalogue)
            catalogue.place(record, on: other.name)
            #expect(try await values(record, other) == ["published"])
            if successorPublishes {
                try await write("b", to: record, on: other)
                try await other.publishAll()
            }
            try await other.crash()
            let again = try TestNode("node-a", stores, catalogue)
            catalogue.place(record, on: again.name)
            #expect(try await values(record, again) == ["published"] + (successorPublishes ? ["b"] : []))
            try await stores.verifyChain(of: record)
            try await again.stop()
        }
    }

    /// After a power loss neither the log nor the watermark need be whole.
    @Test func nothingIsBelievedAfterTheMachineStartedAnew() async throws {
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            let record = try await led(node)
            bucketIsAway(for: node)
            try await write("a", to: record, on: node)
            try await node.crash()
            let copy = LocalCopy(database: record.id, in: stores.disk.path + "/node-a")
            let left = try #require(try copy.watermark())
            try copy.write(CopyWatermark(epoch: left.epoch, copy: left.copy, points: left.points, boot: UUID().uuidString.lowercased()))
            #expect(try copy.watermark() == nil)
            let next = try TestNode("node-a", stores, catalogue)
            #expect(try await values(record, next) == ["published"])
            try await next.stop()
        }
    }

    /// Under steady writing the log is checkpointed while a changeset is under way.
    @Test func whatACheckpointMovedIsNotLostSilently() async throws {
        var settings = TestNode.settings()
        settings.tenants.checkpointBytes = 50_000
        var node = try TestNode("node-a", stores, catalogue, settings: settings)
        try await stores.whileTimePasses {
            let record = try await led(node)
            for round in 0..<6 {
                try await node.client(record).execute("INSERT INTO t VALUES (randomblob(30000))")
                if round % 2 == 0 { try await node.publishAll() }
            }
            try await node.publishAll()
            bucketIsAway(for: node)
            try await write("last", to: record, on: node)
            try await node.crash()
            node = try TestNode("node-a", stores, catalogue, settings: settings)
            #expect(try await eventuallyExecute("SELECT count(*) FROM t", on: record, [node]).firstColumn == ["8"])
            try await stores.verifyChain(of: record)
            try await node.stop()
        }
    }

    /// A checkpoint moves what was captured last into the file. What is acknowledged after it, or moved by it before it is published, is on the
    /// disk all the same.
    @Test(arguments: [EngineKind.sqlite, .duckdb], [false, true])
    func whatACheckpointMovedIsGoneOnWith(engine: EngineKind, isUnpublished: Bool) async throws {
        var settings = TestNode.settings()
        settings.tenants.checkpointBytes = 1
        let engines = EngineSet([SQLiteEngine(), DuckDBEngine(library: try DuckDBLibrary.load())])
        var node = try TestNode("node-a", stores, catalogue, settings: settings, engines: engines)
        try await stores.whileTimePasses {
            let record = try await stores.makeDatabase(engine: engine)
            catalogue.place(record, on: node.name)
            try await becomesTrue("it leads") { node.leads(record) }
            try await node.client(record).execute("CREATE TABLE t (v TEXT)")
            try await node.client(record).execute("INSERT INTO t VALUES ('published')")
            try await node.publishAll()
            bucketIsAway(for: node)
            if isUnpublished {
                try await write("moved", to: record, on: node)
                let tenant = try #require(node.tenant(record))
                try await becomesTrue("it is cut and moved") { await tenant.isCutAndMoved }
            }
            try await write("a", "b", to: record, on: node)
            try await node.crash()
            node = try TestNode("node-a", stores, catalogue, settings: settings, engines: engines)
            #expect(try await values(record, node) == ["published"] + (isUnpublished ? ["moved"] : []) + ["a", "b"])
            try await node.publishAll()
            try await stores.verifyChain(of: record)
            try await node.stop()
        }
    }
}

extension Tenant {
    fileprivate var isCutAndMoved: Bool {
        get async {
            guard case .cut = chain.changeset else { return false }
            return await opened?.isMoved ?? false
        }
    }
}

extension OpenDatabase {
    /// Nothing is left in the log.
    fileprivate var isMoved: Bool {
        guard case .open(let database) = state else { return false }
        return (try? database.walBytes()) == 0
    }
}
