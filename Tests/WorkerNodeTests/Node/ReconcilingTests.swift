import BerthTestKit
import Changesets
import FleetModel
import FleetStore
import Foundation
import Leases
import ObjectStores
import Synchronization
import Testing
@testable import WorkerNode


/// Nodes that compare where databases should be with what they lead.
@Suite(.timeLimit(.minutes(1)))
struct ReconcilingTests {
    private let stores: TestStores
    private let catalogue: FakeCatalogue

    init() throws {
        stores = try TestStores()
        catalogue = FakeCatalogue(leases: stores.leases.base)
    }

    private func makeDatabases(
        _ count: Int, on node: String, durability: Durability = .local
    ) async throws -> [DatabaseRecord] {
        var records: [DatabaseRecord] = []
        for number in 0..<count {
            let record = try await stores.makeDatabase("db-\(number)", durability: durability)
            catalogue.place(record, on: try NodeName(node))
            records.append(record)
        }
        return records
    }

    private func leads(_ node: TestNode, _ records: [DatabaseRecord]) async throws {
        try await becomesTrue("\(node.name) leads") { records.allSatisfy { node.leads($0) } }
    }

    @Test func whatIsPlacedHereIsAcquiredInBatchesAndOpenedOnUse() async throws {
        let records = try await makeDatabases(250, on: "node-a")
        var settings = TestNode.settings()
        settings.acquireBatch = 100
        let node = try TestNode("node-a", stores, catalogue, settings: settings)
        try await stores.whileTimePasses {
            try await leads(node, records)
            let batches = node.leases.calls.compactMap { call in
                if case .acquire(let databases, _) = call { databases.count } else { nil as Int? }
            }
            #expect(batches == [100, 100, 50])
            #expect(stores.objects.calls.isEmpty, "none is opened before it is used")
            try await node.client(records[0]).execute("CREATE TABLE t (v)")
            try await node.stop()
        }
    }

    @Test func aGracefulStopPublishesReleasesAndEndsTheSession() async throws {
        let records = try await makeDatabases(20, on: "node-a")
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            try await leads(node, records)
            for record in records { try await node.client(record).execute("CREATE TABLE t (v)") }
            // Time enough to acquire again what is released and still placed here.
            node.leases.after { [clock = stores.clock] call throws(LeaseStoreError) in
                if case .release = call { try? await clock.sleep(for: .seconds(2)) }
            }
            try await node.stop()
            #expect(try await stores.leases.base.liveSessions().isEmpty)
            for record in records {
                let lease = try await stores.lease(of: record)
                #expect(lease.session == nil && lease.head.seq == 1)
                #expect(lease.epoch == Epoch(1), "it was not acquired again by the node that was leaving")
            }
        }
    }

    @Test func aNodeThatStartsAgainUsesItsCopies() async throws {
        let records = try await makeDatabases(5, on: "node-a")
        try await stores.whileTimePasses {
            let first = try TestNode("node-a", stores, catalogue)
            try await leads(first, records)
            for record in records { try await first.client(record).execute("CREATE TABLE t (v)") }
            try await first.stop()

            let second = try TestNode("node-a", stores, catalogue)
            try await leads(second, records)
            for record in records { try await second.client(record).execute("INSERT INTO t VALUES (1)") }
            #expect(second.objects.count(.get) == 0)
            try await second.publishAll()
            try await second.crash()

            // No copy was closed: each proves what it is.
            let third = try TestNode("node-a", stores, catalogue)
            try await leads(third, records)
            for record in records {
                #expect(try await third.client(record).execute("SELECT v FROM t").firstColumn == ["1"])
            }
            #expect(third.objects.count(.get) == 0)
            try await third.stop()
        }
    }

    @Test func aMoveIsPreparedThenHandedOver() async throws {
        let records = try await makeDatabases(8, on: "node-a")
        let a = try TestNode("node-a", stores, catalogue)
        let b = try TestNode("node-b", stores, catalogue)
        try await stores.whileTimePasses {
            try await leads(a, records)
            for record in records {
                try await a.client(record).execute("CREATE TABLE t (v)")
                try await a.client(record).execute("INSERT INTO t VALUES ('\(record.name)')")
            }
            try await a.publishAll()
            for record in records { catalogue.place(record, on: b.name) }
            try await leads(b, records)
            try await becomesTrue("the former leader lets go") { records.allSatisfy { !a.leads($0) } }
            b.objects.forgetCalls()
            for record in records {
                #expect(try await b.client(record).execute("SELECT v FROM t").firstColumn == ["\(record.name)"])
                #expect(try await stores.lease(of: record).epoch == Epoch(2))
            }
            #expect(b.objects.count(.get) == 0, "everything was there before")
            // And back.
            for record in records { catalogue.place(record, on: a.name) }
            try await leads(a, records)
            for record in records {
                #expect(try await a.client(record).execute("SELECT v FROM t").firstColumn == ["\(record.name)"])
            }
            try await a.stop()
            try await b.stop()
        }
    }

    @Test func aLeaseItDidNotKnowItHeldIsServed() async throws {
        let records = try await makeDatabases(3, on: "node-a")
        let lost = Mutex(true)
        let node = try TestNode("node-a", stores, catalogue) { leases, _ in
            leases.after { call throws(LeaseStoreError) in
                let isFirst = lost.withLock { lost in
                    guard case .acquire = call else { return false }
                    defer { lost = false }
                    return lost
                }
                if isFirst { throw .outcomeUnknown("test") }
            }
        }
        try await stores.whileTimePasses {
            try await leads(node, records)
            #expect(lost.withLock { !$0 })
            for record in records { #expect(try await stores.lease(of: record).epoch == Epoch(1)) }
            try await node.stop()
        }
    }

    @Test func aLeaseThatIsLostIsLetGoOf() async throws {
        let records = try await makeDatabases(2, on: "node-a")
        let node = try TestNode("node-a", stores, catalogue)
        try await stores.whileTimePasses {
            try await leads(node, records)
            try await node.client(records[0]).execute("CREATE TABLE t (v)")
            let other = SessionID.random()
            try await stores.open(other)
            catalogue.place(records[0], on: try NodeName("node-x"))
            try await becomesTrue("it moved") {
                let lease = try await stores.lease(of: records[0])
                return try await stores.leases.base.transfer(
                    LeaseClaim(database: records[0].id, epoch: lease.epoch, headSeq: lease.head.seq), from: node.session.id,
                    to: other, copy: nil)
            }
            catalogue.hint(.leases([records[0].id]))
            try await becomesTrue("it lets go") { !node.leads(records[0]) }
            #expect(node.leads(records[1]))
            try await node.stop()
        }
    }

    @Test func whatCannotBeServedIsGivenUpAndTriedAgainLater() async throws {
        let record = try #require(try await makeDatabases(1, on: "node-a").first)
        try await stores.whileTimePasses {
            let first = try TestNode("node-a", stores, catalogue)
            try await leads(first, [record])
            try await first.client(record).execute("CREATE TABLE t (v)")
            try await first.publishAll()
            try await first.crash()
            try stores.loseDisk(of: "node-a")

            var settings = TestNode.settings()
            settings.unableToServeLimit = .seconds(5)
            let node = try TestNode("node-a", stores, catalogue, settings: settings)
            node.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            try await leads(node, [record])
            let since = stores.clock.now()
            let error = await #expect(throws: BerthError.self) { try await node.client(record).execute("SELECT 1") }
            #expect(error?.code == .bucketUnavailable)
            try await becomesTrue("it gives up") { try await stores.lease(of: record).session == nil }
            #expect(stores.clock.now() - since >= .seconds(5))
            try await becomesTrue("it lets go") { !node.leads(record) }
            try await becomesTrue("it asks for another node") { catalogue.declined == [record.id] }
            let epoch = try await stores.lease(of: record).epoch
            node.objects.before(nil)
            try await leads(node, [record])
            #expect(try await stores.lease(of: record).epoch == epoch.next)
            #expect(try await node.client(record).execute("SELECT count(*) FROM t").firstColumn == ["0"])
            try await node.stop()
        }
    }

    @Test func anUnansweredReleaseIsRepeatedUntilItIsKnown() async throws {
        let record = try #require(try await makeDatabases(1, on: "node-a").first)
        try await stores.whileTimePasses {
            let first = try TestNode("node-a", stores, catalogue)
            try await leads(first, [record])
            try await first.client(record).execute("CREATE TABLE t (v)")
            try await first.publishAll()
            try await first.crash()
            try stores.loseDisk(of: "node-a")

            var settings = TestNode.settings()
            settings.unableToServeLimit = .seconds(5)
            let node = try TestNode("node-a", stores, catalogue, settings: settings)
            node.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            let door = Latch()
            node.leases.before { call throws(LeaseStoreError) in
                guard case .release = call, door.arrivals < 3 else { return }
                await door.pass()
                throw .outcomeUnknown("test")
            }
            try await leads(node, [record])
            _ = try? await node.client(record).execute("SELECT 1")
            try await becomesTrue("it gives up") { door.arrivals == 1 }
            // From now on the release may execute at any time, so it must not be served, though it could be again.
            node.objects.before(nil)
            let error = await #expect(throws: BerthError.self) { try await node.client(record).execute("SELECT 1") }
            #expect(error?.code == .notLeader)
            door.open()
            try await becomesTrue("it is released") { try await stores.lease(of: record).session == nil }
            #expect(door.arrivals == 3)
            _ = try await eventuallyExecute("INSERT INTO t VALUES (1)", on: record, [node])
            try await node.stop()
        }
    }

    /// What fails for one database neither stops the others nor keeps the node busy.
    @Test func whatCannotBePreparedDoesNotDelayTheOthers() async throws {
        let records = try await makeDatabases(6, on: "node-a")
        let a = try TestNode("node-a", stores, catalogue)
        var settings = TestNode.settings()
        settings.parallelPreparations = 1
        let b = try TestNode("node-b", stores, catalogue, settings: settings)
        try await stores.whileTimePasses {
            try await leads(a, records)
            for record in records { try await a.client(record).execute("CREATE TABLE t (v)") }
            try await a.publishAll()
            let broken = try #require(await stores.leases.segments(of: records[0].id).first)
            b.objects.onRead { call, bytes in
                call.name == broken.bundle && call.range?.lowerBound == Int64(broken.entry.offset) ? bytes.map { ~$0 } : bytes
            }
            let asked = Mutex(0)
            catalogue.before { question throws(BerthError) in if question == "assignments" { asked.withLock { $0 += 1 } } }
            for record in records { catalogue.place(record, on: b.name) }
            try await leads(b, Array(records.dropFirst()))
            let (before, start) = (asked.withLock { $0 }, stores.clock.now())
            try await becomesTrue("some time passes") { stores.clock.now() > start + .seconds(10) }
            let rate = Double(asked.withLock { $0 } - before) / (stores.clock.now() - start).seconds
            #expect(rate < 10, "the failing one keeps the nodes busy: \(rate) looks a second")
            #expect(a.leads(records[0]) && !b.leads(records[0]), "it stays where it works")
            #expect(try await a.client(records[0]).execute("SELECT count(*) FROM t").firstColumn == ["0"])
            try await a.stop()
            try await b.stop()
        }
    }

    /// A reading of the leases from before a handover must not bring the database back here after it.
    @Test func anOldReadingOfTheLeasesIsNotBelieved() async throws {
        let record = try #require(try await makeDatabases(1, on: "node-a").first)
        let a = try TestNode("node-a", stores, catalogue)
        let b = try TestNode("node-b", stores, catalogue)
        try await stores.whileTimePasses {
            try await leads(a, [record])
            try await a.client(record).execute("CREATE TABLE t (v)")
            try await a.publishAll()
            // The handover begins, and its transfer is held back.
            let transfer = Latch()
            a.leases.before { call throws(LeaseStoreError) in if case .transfer = call { await transfer.pass() } }
            catalogue.place(record, on: b.name)
            try await becomesTrue("the transfer is sent") { transfer.arrivals == 1 }
            // The node reads its leases: still its own. The reply is under way while the transfer happens.
            let reading = Latch()
            a.leases.after { call throws(LeaseStoreError) in if case .leasesHeldBy = call { await reading.pass() } }
            try await becomesTrue("the leases are read") { reading.arrivals == 1 }
            transfer.open()
            try await leads(b, [record])
            try await becomesTrue("the former leader lets go") { !a.leads(record) }
            try await b.client(record).execute("INSERT INTO t VALUES (1)")
            let taken = Mutex(0)
            catalogue.before { question throws(BerthError) in if question == "records" { taken.withLock { $0 += 1 } } }
            reading.open()
            try await becomesTrue("it looks again") { reading.arrivals > 2 }
            #expect(!a.leads(record))
            #expect(taken.withLock { $0 } == 0, "it took the database for its own")
            try await a.stop()
            try await b.stop()
        }
    }

    /// The transfer was applied, its reply is under way, and the successor is gone already: the lease is free and placed
    /// here again. The tenant that still settles its handover must not touch the lease of the one that follows it.
    @Test func aLeaseThatComesBackDuringItsHandoverWaitsForTheEndOfIt() async throws {
        let record = try #require(try await makeDatabases(1, on: "node-a").first)
        let a = try TestNode("node-a", stores, catalogue)
        let b = try TestNode("node-b", stores, catalogue)
        try await stores.whileTimePasses {
            try await leads(a, [record])
            try await a.client(record).execute("CREATE TABLE t (v)")
            try await a.publishAll()
            let door = Latch()
            a.leases.after { call throws(LeaseStoreError) in
                guard case .transfer = call else { return }
                await door.pass()
                throw .outcomeUnknown("test")
            }
            catalogue.place(record, on: b.name)
            try await becomesTrue("the lease is the successor's") { door.arrivals == 1 }
            try await b.crash()
            let start = stores.clock.now()
            catalogue.place(record, on: a.name)
            try await becomesTrue("it has had time to acquire") { stores.clock.now() > start + .seconds(2) }
            door.open()
            _ = try await eventuallyExecute("INSERT INTO t VALUES (1)", on: record, [a])
            try await a.publishAll()
            let lease = try await stores.lease(of: record)
            #expect(lease.session == a.session.id && lease.epoch == Epoch(3) && lease.head.seq == 2)
            try await a.stop()
        }
    }

    /// It takes a database over while it is still preparing to: the two restores must not meet in one file.
    @Test func aTakeoverInTheMiddleOfItsPreparationWaitsForIt() async throws {
        let record = try #require(try await makeDatabases(1, on: "node-a").first)
        let a = try TestNode("node-a", stores, catalogue)
        let b = try TestNode("node-b", stores, catalogue)
        try await stores.whileTimePasses {
            try await leads(a, [record])
            try await a.client(record).execute("CREATE TABLE t (v)")
            try await a.publishAll()
            for number in 0..<3 {
                try await a.client(record).execute("INSERT INTO t VALUES (\(number))")
                try await a.publishAll()
            }
            let restoring = Latch()
            b.objects.before { call in if call.operation == .get { await restoring.pass() } }
            catalogue.place(record, on: b.name)
            try await becomesTrue("it is preparing, all four changesets at a time") { restoring.arrivals == 4 }
            try await a.crash()
            try await leads(b, [record])
            let read = Task { try await b.client(record).execute("SELECT v FROM t ORDER BY v").firstColumn }
            let start = stores.clock.now()
            try await becomesTrue("some time passes") { stores.clock.now() > start + .seconds(2) }
            #expect(restoring.arrivals == 4, "a second restore began beside the first")
            restoring.open()
            #expect(try await read.value == ["0", "1", "2"])
            #expect(b.objects.count(.get) == 4, "the second had nothing left to fetch")
            try await b.stop()
        }
    }
}
