import BerthTestKit
import Changesets
import Dispatch
import EngineHost
import Engines
import FleetModel
import Foundation
import Leases
import ObjectStores
import Replication
import Testing
@testable import WorkerNode

/// From a commit to the bucket, and what happens when it does not get there.
@Suite(.timeLimit(.minutes(1)))
struct ShippingTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    private func withTenant(
        _ durability: Durability = .local, settings: TenantSettings = TenantSettings(), blockingWork: BlockingWork = .threads,
        _ body: (DataClient, Tenant, TenantHost) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase(durability: durability)
        try await TenantHost.with(stores, settings: settings, blockingWork: blockingWork) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v)")
            try await settle(tenant)
            try await body(tenant.client, tenant, host)
        }
    }

    private func settle(_ tenant: Tenant) async throws {
        try await becomesTrue("all is published") {
            stores.clock.advance(by: .milliseconds(100))
            return await tenant.allIsPublished
        }
    }

    /// What a successor would serve.
    private func contentOfSuccessor(_ tenant: Tenant) async throws -> [String] {
        let record = tenant.record
        let lease = try await stores.lease(of: record)
        return try await TenantHost.with(stores, node: "node-z") { host in
            try await stores.leases.base.endOwnSession(
                try #require(lease.session), node: NodeName("node-a"), reason: "test")
            return try await host.lead(record).client.execute("SELECT v FROM t ORDER BY rowid").firstColumn
        }
    }

    @Test func everyCommitIsShippedInOrder() async throws {
        try await withTenant { client, tenant, _ in
            for number in 0..<30 {
                try await client.execute("INSERT INTO t VALUES (\(number))")
                if number % 7 == 0 { stores.clock.advance(by: .milliseconds(250)) }
            }
            try await settle(tenant)
            try await stores.verifyChain(of: tenant.record)
            #expect(tenant.shipLag(now: stores.clock.now()) == .zero)
            #expect(try await contentOfSuccessor(tenant) == (0..<30).map { "\($0)" })
        }
    }

    @Test func whatChangesNothingIsNotShipped() async throws {
        try await withTenant { client, tenant, _ in
            stores.objects.forgetCalls()
            await #expect(throws: ErrorAnswer.self) { try await client.execute("INSERT INTO t VALUES (1, 2)") }
            _ = try await client.batch(Step("BEGIN"), Step("INSERT INTO t VALUES (1)"), Step("ROLLBACK"))
            try await client.execute("DELETE FROM t WHERE v = 17")
            try await settle(tenant)
            #expect(stores.objects.calls.isEmpty)
            #expect(tenant.shipLag(now: stores.clock.now()) == .zero)
        }
    }

    @Test func writesArePushedBackWhileTheBucketIsFarBehind() async throws {
        try await withTenant { client, tenant, _ in
            stores.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            stores.objects.forgetCalls()
            try await client.execute("INSERT INTO t VALUES (1)")
            // As long as the shipper waits for the lane it is not the bucket that is behind.
            try await becomesTrue("the bucket was asked") {
                stores.clock.advance(by: .milliseconds(10))
                return stores.objects.count(.put) > 0
            }
            try await client.execute("INSERT INTO t VALUES (2)")
            stores.clock.advance(by: .milliseconds(5001))
            let error = await #expect(throws: BerthError.self) { try await client.execute("INSERT INTO t VALUES (3)") }
            #expect(error?.code == .shipLagExceeded && error?.retryAfter != nil)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1", "2"], "reads go on")
            // Part of a pipeline was executed: the rest is answered in its place.
            let mixed = try await client.pipeline(nil, .execute("SELECT 1"), .execute("INSERT INTO t VALUES (4)"))
            #expect(mixed.outcomes == ["execute", "SHIP_LAG_EXCEEDED"])
            stores.objects.before(nil)
            try await settle(tenant)
            try await client.execute("INSERT INTO t VALUES (5)")
            try await settle(tenant)
            #expect(try await contentOfSuccessor(tenant) == ["1", "2", "5"])
        }
    }

    @Test func theLagIsThatOfTheOldestCommit() async throws {
        try await withTenant { client, tenant, _ in
            let (door, next) = (Latch(), Latch())
            stores.objects.before { call in
                if call.operation == .put { await (door.arrivals == 0 ? door : next).pass() }
            }
            let start = stores.clock.now()
            try await client.execute("INSERT INTO t VALUES (1)")
            stores.clock.advance(by: .seconds(1))
            try await becomesTrue("it is being stored") { door.arrivals == 1 }
            try await client.execute("INSERT INTO t VALUES (2)")
            stores.clock.advance(by: .seconds(1))
            #expect(tenant.shipLag(now: stores.clock.now()) == stores.clock.now() - start)
            door.open()
            try await becomesTrue("the first is published") { await tenant.publishedCommit == 2 }
            #expect(tenant.shipLag(now: stores.clock.now()) == .seconds(1))
            next.open()
            try await settle(tenant)
            #expect(tenant.shipLag(now: stores.clock.now()) == .zero)
        }
    }

    /// What is published is no lag, also while the database itself has no time to hear of it.
    @Test func aStatementThatTakesLongDoesNotHideThatAllIsPublished() async throws {
        try await withTenant { client, tenant, _ in
            let (door, isOver) = (Latch(), DispatchSemaphore(value: 0))
            defer { isOver.signal() }
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            try await client.execute("INSERT INTO t VALUES (1)")
            stores.clock.advance(by: .seconds(1))
            try await becomesTrue("it is being stored") { door.arrivals == 1 }
            Task { await tenant.holdLane(until: isOver) }
            try await becomesTrue("the lane is held") { !tenant.hasIdleLane }
            #expect(tenant.shipLag(now: stores.clock.now()) == .seconds(1))
            door.open()
            try await becomesTrue("there is no lag") { tenant.shipLag(now: stores.clock.now()) == .zero }
        }
    }

    /// The bucket is not slow when a statement of the database's own kept the shipper waiting.
    @Test func aStatementThatTakesLongPushesNoWriteBack() async throws {
        try await withTenant { client, tenant, _ in
            let (door, isOver) = (Latch(), DispatchSemaphore(value: 0))
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            let first = await tenant.lastCommit + 1
            let request = Task { try await tenant.insert(1, 2, between: isOver) }
            try await becomesTrue("the shipper waits for the lane") {
                stores.clock.advance(by: .milliseconds(100))
                return tenant.isCutAsked
            }
            stores.clock.advance(by: .seconds(30))
            #expect(tenant.shipLag(now: stores.clock.now()) >= .seconds(30), "what is not in the bucket is lag, whoever is slow")
            isOver.signal()
            try await request.value
            #expect(await tenant.cutCommit == first, "the shipper had its turn before the second write")
            // From now on it is the bucket that is slow.
            stores.clock.advance(by: .milliseconds(5100))
            let error = await #expect(throws: BerthError.self) { try await client.execute("INSERT INTO t VALUES (3)") }
            #expect(error?.code == .shipLagExceeded)
            door.open()
            try await settle(tenant)
            #expect(try await contentOfSuccessor(tenant) == ["1", "2"])
        }
    }

    @Test func aLongOutageOfTheBucketLosesNothing() async throws {
        try await withTenant(.bucket) { client, tenant, _ in
            stores.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            for _ in 0..<40 {
                stores.clock.advance(by: .milliseconds(500))
                try await Task.sleep(for: .milliseconds(1))
            }
            stores.objects.before(nil)
            try await becomesTrue("it is acknowledged") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.allIsPublished
            }
            #expect(try await write.value.affected_row_count == 1)
            #expect(try await contentOfSuccessor(tenant) == ["1"])
        }
    }

    @Test func theWALIsCheckpointedUnderSteadyWriting() async throws {
        var settings = TenantSettings()
        settings.checkpointBytes = 100_000
        try await withTenant(settings: settings) { client, tenant, _ in
            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            for round in 1...10 {
                try await client.execute("INSERT INTO t VALUES (randomblob(60000))")
                stores.clock.advance(by: .milliseconds(250))
                try await becomesTrue("it is being stored") { door.arrivals == round }
                // One more before that one is published: there is never a moment when all is.
                try await client.execute("INSERT INTO t VALUES (randomblob(60000))")
                door.open()
                door.close()
            }
            #expect(await tenant.walBytes() < 300_000)
            door.open()
            try await settle(tenant)
        }
    }

    /// The files are damaged below SQLite: what is published is the last that can be trusted.
    @Test func aFailedCaptureReturnsToThePublishedState() async throws {
        try await withTenant(.bucket) { client, tenant, _ in
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("it waits for the bucket") { await tenant.waitsForPublish }
            try await tenant.damageWAL()
            stores.clock.advance(by: .seconds(1))
            let error = await #expect(throws: BerthError.self) { try await write.value }
            #expect(error?.code == .outcomeUnknown)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            let again = Task { try await client.execute("INSERT INTO t VALUES (2)") }
            try await becomesTrue("it waits for the bucket") { await tenant.waitsForPublish }
            try await settle(tenant)
            _ = try await again.value
            #expect(try await contentOfSuccessor(tenant) == ["2"])
        }
    }

    /// A request that did something before the published state was returned to must not be acknowledged after, though
    /// the database is served again, in the same epoch, and everything committed since is published.
    @Test(arguments: [Durability.local, .bucket])
    func nothingGivenUpIsAcknowledged(durability: Durability) async throws {
        try await withTenant(durability) { client, tenant, host in
            await host.stopShipping()
            let other = try await client.pipeline(nil, .execute("BEGIN IMMEDIATE"))
            // Executes its first step, then waits for the turn with the second.
            let divided = Task {
                try await client.pipeline(nil, .execute("SELECT count(*) FROM t"), .execute("INSERT INTO t VALUES (1)"))
            }
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            try await tenant.damage()
            #expect(await tenant.cut() == nil)
            #expect(await !tenant.isServingNow)
            await #expect(throws: ErrorAnswer(code: "STREAM_EXPIRED", message: "")) {
                try await client.pipeline(other.baton, .execute("COMMIT"))
            }
            let error = await #expect(throws: BerthError.self) { try await divided.value }
            #expect(error?.code == .leaderUnavailable)
            #expect(await tenant.isAtRest)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
        }
    }

    enum Meanwhile: CaseIterable { case nothing, abandoned, reopened }

    /// Many pages are encoded off the lane: when they are ready, they may no longer follow what is published.
    @Test(arguments: Meanwhile.allCases)
    func whatIsGivenUpWhileItIsEncodedIsNotShipped(meanwhile: Meanwhile) async throws {
        let door = Latch()
        let work = BlockingWork { work in
            Task {
                await door.pass()
                work()
            }
        }
        try await withTenant(blockingWork: work) { client, tenant, host in
            await host.stopShipping()
            try await client.execute("INSERT INTO t VALUES (randomblob(100000))")
            let tip = tenant.chain.tip
            let cut = Task { await tenant.cut() }
            try await becomesTrue("it is being encoded") { door.arrivals == 1 }
            switch meanwhile {
            case .nothing: break
            case .abandoned: await tenant.abandon(reason: "test")
            case .reopened: await tenant.returnToHead()
            }
            door.open()
            let changeset = await cut.value
            #expect((changeset != nil) == (meanwhile == .nothing))
            #expect((tenant.chain.tip != tip) == (meanwhile == .nothing))
            guard meanwhile == .reopened else { return }
            try await client.execute("INSERT INTO t VALUES ('later')")
            let next = try #require(await tenant.cut())
            #expect(next.previous == tip, "the next one follows what is published")
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["later"])
        }
    }

    /// Though the database is served again, in the same epoch.
    @Test func aRequestOfAnEarlierLifeIsNotAcknowledgedInALaterOne() async throws {
        try await withTenant { client, tenant, host in
            await host.stopShipping()
            let life = await tenant.life
            #expect(await tenant.wouldAcknowledge(life: life))
            try await tenant.damage()
            #expect(await tenant.cut() == nil)
            try await client.execute("SELECT count(*) FROM t")
            #expect(await !tenant.wouldAcknowledge(life: life))
            #expect(await tenant.wouldAcknowledge(life: life + 1))
        }
    }

    /// The rest of a transaction must not be carried out in autocommit, on whatever connection there is then.
    @Test func aTransactionThatIsGoneIsNotContinued() async throws {
        try await withTenant { client, tenant, _ in
            _ = try await client.pipeline(nil, .execute("BEGIN IMMEDIATE"))
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("SELECT count(*) FROM t")).baton
            let late = Task { try await client.pipeline(baton, .execute("INSERT INTO t VALUES (1)"), .execute("COMMIT")) }
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            await tenant.closeAllStreams()
            let error = await #expect(throws: BerthError.self) { try await late.value }
            #expect(error?.code == .leaderUnavailable)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            #expect(await tenant.isAtRest)
            try await client.execute("INSERT INTO t VALUES (2)")
        }
    }

    @Test func aHeadThatIsNotOnTheChainIsAdopted() async throws {
        try await withTenant(.bucket) { client, tenant, host in
            // Another writer published under this very lease: nothing of it may be overwritten.
            let foreign = try await stores.publishForeignCommit(
                "INSERT INTO t VALUES ('foreign')", of: tenant.record, by: host.session)
            let write = Task { try await client.execute("INSERT INTO t VALUES ('mine')") }
            try await becomesTrue("it waits for the bucket") { await tenant.waitsForPublish }
            stores.clock.advance(by: .seconds(1))
            let error = await #expect(throws: BerthError.self) { try await write.value }
            #expect(error?.code == .outcomeUnknown)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["foreign"])
            #expect(tenant.head == foreign)
            try await stores.verifyChain(of: tenant.record)
        }
    }
}
