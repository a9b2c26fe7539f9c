import BerthTestKit
import Changesets
import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import ObjectStores
import Replication
import Testing
@testable import WorkerNode


/// Rules 7 to 9: giving a database to another node, and not.
@Suite(.timeLimit(.minutes(1)))
struct HandoverTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    /// Two nodes; the first leads a database with a table and one row.
    private func withNodes(
        _ durability: Durability = .local, settings: TenantSettings = TenantSettings(),
        _ body: (Tenant, TenantHost, TenantHost) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase(durability: durability)
        try await TenantHost.with(stores, settings: settings) { host in
            try await TenantHost.with(stores, node: "node-b", settings: settings) { other in
                let tenant = try await host.lead(record)
                try await stores.whileTimePasses {
                    try await tenant.client.execute("CREATE TABLE t (v)")
                    try await tenant.client.execute("INSERT INTO t VALUES (1)")
                    try await becomesTrue("it is shipped") { await tenant.allIsPublished }
                }
                try await body(tenant, host, other)
            }
        }
    }

    private func expect(
        _ content: [String], in tenant: Tenant, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await tenant.client.execute("SELECT v FROM t ORDER BY rowid").firstColumn
        #expect(found == content, sourceLocation: sourceLocation)
    }

    private func expectNotLeader(_ tenant: Tenant, sourceLocation: SourceLocation = #_sourceLocation) async {
        for sql in ["SELECT 1", "INSERT INTO t VALUES ('never')"] {
            let error = await #expect(throws: BerthError.self, sourceLocation: sourceLocation) {
                try await tenant.client.execute(sql)
            }
            #expect(error?.code == .notLeader, sourceLocation: sourceLocation)
        }
    }

    @Test func theLastChangesetIsPublishedBeforeTheLeaseMoves() async throws {
        try await withNodes { tenant, host, other in
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            stores.leases.forgetCalls()
            // No time passes: a move does not wait for the interval.
            let outcome = await tenant.handOver(to: other.session.id, copy: nil)
            #expect(outcome == .transferred)
            let order = stores.leases.calls.compactMap { call in
                switch call {
                case .publish: "publish"
                case .transfer: "transfer"
                default: nil as String?
                }
            }
            #expect(order == ["publish", "transfer"])
            await expectNotLeader(tenant)

            let successor = try await other.find(tenant.record)
            try await expect(["1", "2"], in: successor)
            #expect(try tenant.copy.mark()?.position == successor.head, "the copy left behind is good")
            try await stores.verifyChain(of: tenant.record)
        }
    }

    @Test func aDatabaseThatIsClosedIsHandedOverWithoutOpeningIt() async throws {
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            try await TenantHost.with(stores, node: "node-b") { other in
                let tenant = try await host.lead(record)
                #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
                #expect(stores.objects.calls.isEmpty)
                await expectNotLeader(tenant)
                try await other.find(record).client.execute("CREATE TABLE t (v)")
            }
        }
    }

    @Test func anOpenTransactionMayFinish() async throws {
        try await withNodes { tenant, _, other in
            let client = tenant.client
            let temporary = try await client.pipeline(nil, .execute("CREATE TEMP TABLE mine (a)")).baton
            let idle = try await client.pipeline(nil, .execute("INSERT INTO t VALUES (7)")).baton
            try await client.execute("DELETE FROM t WHERE v = 7")
            try await stores.whileTimePasses { try await becomesTrue("it is shipped") { await tenant.allIsPublished } }
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (2)")).baton
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            try await becomesTrue("it is draining") { await tenant.takesNothingIn }
            await expectNotLeader(tenant)
            await #expect(throws: ErrorAnswer(code: "STREAM_EXPIRED", message: "")) {
                try await client.pipeline(temporary, .execute("SELECT 1"))
            }
            // The successor goes on with a stream that holds nothing.
            await #expect(throws: BerthError.self) { try await client.pipeline(idle, .execute("SELECT 1")) }
            let more = try await client.pipeline(baton, .execute("INSERT INTO t VALUES (3)"))
            #expect(try await client.pipeline(more.baton, .execute("COMMIT"), .close).outcomes == ["execute", "close"])
            #expect(await move.value == .transferred)
            try await expect(["1", "2", "3"], in: other.find(tenant.record))
            let successor = try await other.find(tenant.record).client
            #expect(try await successor.pipeline(idle, .execute("SELECT last_insert_rowid(), changes()")).rows(0) == [["2", "1"]])
            await #expect(throws: ErrorAnswer(code: "STREAM_EXPIRED", message: "")) {
                try await successor.pipeline(temporary, .execute("SELECT 1"))
            }
        }
    }

    @Test func aTransactionThatDoesNotFinishIsRolledBackAtTheDeadline() async throws {
        var settings = TenantSettings()
        // Else it is ended for its idleness, by whoever watches for that.
        settings.idleTransactionTimeout = .seconds(60)
        settings.streamTimeout = .seconds(60)
        try await withNodes(settings: settings) { tenant, _, other in
            let baton = try await tenant.client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (2)")).baton
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            try await becomesTrue("it is draining") { await tenant.takesNothingIn }
            try await becomesTrue("the deadline is watched") { stores.clock.sleepers > 0 }
            stores.clock.advance(by: .milliseconds(4999))
            #expect(await !tenant.isAtRest)
            stores.clock.advance(by: .milliseconds(2))
            #expect(await move.value == .transferred)
            let error = await #expect(throws: BerthError.self) {
                try await tenant.client.pipeline(baton, .execute("COMMIT"))
            }
            #expect(error?.code == .notLeader)
            try await expect(["1"], in: other.find(tenant.record))
        }
    }

    @Test func whoWaitsForTheTurnIsSentOn() async throws {
        try await withNodes { tenant, _, other in
            let baton = try await tenant.client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (2)")).baton
            let waiting = Task { try await tenant.client.execute("INSERT INTO t VALUES (3)") }
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            let error = await #expect(throws: BerthError.self) { try await waiting.value }
            #expect(error?.code == .notLeader, "nothing was executed")
            _ = try await tenant.client.pipeline(baton, .execute("COMMIT"), .close)
            #expect(await move.value == .transferred)
            try await expect(["1", "2"], in: other.find(tenant.record))
        }
    }

    @Test func aBucketWriteUnderWayIsAcknowledgedBeforeTheMove() async throws {
        try await withNodes(.bucket) { tenant, _, other in
            let write = Task { try await tenant.client.execute("INSERT INTO t VALUES (2)") }
            try await becomesTrue("it waits for the bucket") { await tenant.waitsForPublish }
            #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
            #expect(try await write.value.affected_row_count == 1)
            try await stores.whileTimePasses {
                try await expect(["1", "2"], in: other.find(tenant.record))
            }
        }
    }

    @Test func aSuccessorThatIsGoneGetsNothing() async throws {
        try await withNodes { tenant, _, other in
            try await stores.leases.base.endOwnSession(other.session.id, node: other.session.node, reason: "test")
            let outcome = await tenant.handOver(to: other.session.id, copy: nil)
            guard case .kept = outcome else { return #expect(outcome == .kept(reason: "")) }
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            try await expect(["1", "2"], in: tenant)
        }
    }

    @Test func aTransferThatWasAppliedThoughItsReplyWasLost() async throws {
        try await withNodes { tenant, _, other in
            stores.leases.after { call throws(LeaseStoreError) in
                if case .transfer = call { throw .outcomeUnknown("test") }
            }
            #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
            await expectNotLeader(tenant)
            try await expect(["1"], in: other.find(tenant.record))
        }
    }

    @Test func aTransferThatWasNotAppliedIsMadeImpossible() async throws {
        try await withNodes { tenant, host, other in
            let before = try await stores.lease(of: tenant.record)
            let claim = await tenant.currentClaim
            stores.leases.before { call throws(LeaseStoreError) in
                if case .transfer = call { throw .outcomeUnknown("test") }
            }
            let raised = RareBranch.taken[.epochRaised] ?? 0
            let outcome = await tenant.handOver(to: other.session.id, copy: nil)
            guard case .kept = outcome else { return #expect(outcome == .kept(reason: "")) }
            #expect(RareBranch.taken[.epochRaised] ?? 0 > raised)
            // The statement executes now, late.
            #expect(
                try await !stores.leases.base.transfer(claim, from: host.session.id, to: other.session.id, copy: nil))
            let after = try await stores.lease(of: tenant.record)
            #expect(after.session == host.session.id && after.epoch == before.epoch.next)
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            stores.leases.before(nil)
            #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
            try await expect(["1", "2"], in: other.find(tenant.record))
        }
    }

    /// A store that was replaced raises no epoch although the lease is as it was: it is asked again now and then, not without a pause.
    @Test func aStoreThatRefusesIsAskedAgainAfterAPause() async throws {
        try await withNodes { tenant, _, other in
            stores.leases.before { [base = stores.leases.base] call throws(LeaseStoreError) in
                guard case .transfer = call else { return }
                base.changeGeneration()
                throw .outcomeUnknown("test")
            }
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            let raises: @Sendable () -> Int = { [leases = stores.leases] in
                leases.calls.count { if case .raiseEpoch = $0 { true } else { false } }
            }
            try await becomesTrue("it asks") { raises() >= 1 && stores.clock.sleepers > 0 }
            #expect(raises() == 1)
            await tenant.abandon(reason: "the session is over")
            #expect(try await stores.whileTimePasses { await move.value } == .lost)
        }
    }

    /// Every look after the lost reply fails for a while, and one raise of the epoch takes effect without its reply.
    @Test func afterALostReplyNothingIsServedUntilItIsSettled() async throws {
        try await withNodes { tenant, _, other in
            let door = Latch()
            stores.leases.before { call throws(LeaseStoreError) in
                switch call {
                case .transfer: throw .outcomeUnknown("test")
                case .raiseEpoch where door.arrivals == 0:
                    await door.pass()
                    throw .unavailable("test")
                default: break
                }
            }
            stores.leases.after { call throws(LeaseStoreError) in
                if case .raiseEpoch = call, door.arrivals == 1 {
                    await door.pass()
                    throw .outcomeUnknown("test")
                }
            }
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            try await becomesTrue("it asks") { door.arrivals == 1 }
            await expectNotLeader(tenant)
            door.open()
            let outcome = try await stores.whileTimePasses { await move.value }
            guard case .kept = outcome else { return #expect(outcome == .kept(reason: "")) }
            #expect(try await stores.lease(of: tenant.record).epoch == Epoch(3))
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            try await stores.whileTimePasses {
                try await becomesTrue("it is shipped in the new epoch") { await tenant.allIsPublished }
            }
            #expect(stores.leases.base.segments(of: tenant.record.id).last?.epoch == Epoch(3))
        }
    }

    /// The successor had the lease and gave it back before this node looked: what it published must not be missed.
    @Test func aLeaseThatWasElsewhereInBetweenBringsItsNewHead() async throws {
        try await withNodes { tenant, host, other in
            let door = Latch()
            stores.leases.after { call throws(LeaseStoreError) in
                if case .transfer = call {
                    await door.pass()
                    throw .outcomeUnknown("test")
                }
            }
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            try await becomesTrue("the lease is the successor's") { door.arrivals == 1 }
            let head = try await stores.publishForeignCommit(
                "INSERT INTO t VALUES ('elsewhere')", of: tenant.record, by: other.session)
            let lease = try await stores.lease(of: tenant.record)
            #expect(
                try await stores.leases.base.transfer(
                    LeaseClaim(database: tenant.database, epoch: lease.epoch, headSeq: head.seq), from: other.session.id,
                    to: host.session.id, copy: nil))
            door.open()
            let outcome = await move.value
            guard case .kept = outcome else { return #expect(outcome == .kept(reason: "")) }
            try await expect(["1", "elsewhere"], in: tenant)
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            try await stores.whileTimePasses {
                try await becomesTrue("it is shipped") { await tenant.allIsPublished }
            }
            try await stores.verifyChain(of: tenant.record)
        }
    }

    @Test func aBucketThatIsDownKeepsTheLeaseAndServesOn() async throws {
        try await withNodes { tenant, host, other in
            stores.objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            let outcome = try await stores.whileTimePasses { await move.value }
            guard case .kept = outcome else { return #expect(outcome == .kept(reason: "")) }
            #expect(try await stores.lease(of: tenant.record).session == host.session.id)
            try await expect(["1", "2"], in: tenant)
            stores.objects.before(nil)
            try await stores.whileTimePasses {
                #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
            }
            try await expect(["1", "2"], in: other.find(tenant.record))
        }
    }

    @Test func aMoveWaitsForAnOpeningUnderWay() async throws {
        try await withNodes { tenant, _, other in
            #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
            let second = try await other.find(tenant.record)
            let door = Latch()
            stores.objects.before { call in if call.operation == .get { await door.pass() } }
            let read = Task { try await second.client.execute("SELECT v FROM t") }
            try await becomesTrue("it is being restored") { door.arrivals > 0 }
            let third = SessionID.random()
            try await stores.open(third)
            let move = Task { await second.handOver(to: third, copy: nil) }
            try await becomesTrue("it is draining") { second.isDraining }
            door.open()
            #expect(await move.value == .transferred)
            // A read that was there first is answered before the database moves; it waits for nobody.
            do { #expect(try await read.value.firstColumn == ["1"]) } catch let error as BerthError { #expect(error.code == .notLeader) }
        }
    }

    /// The opening fails and the next one begins before the handover looks again.
    @Test func aMoveDuringOpeningsThatFailKeepsOneTenantInCharge() async throws {
        try await withNodes { tenant, _, other in
            #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
            let second = try await other.find(tenant.record)
            let door = Latch()
            stores.objects.before { call in
                guard call.operation == .get else { return }
                await door.pass()
                throw ObjectStoreError.unavailable(reason: "test", retryable: true)
            }
            let readers = (0..<8).map { _ in
                Task {
                    // Again and again, so that an opening is under way whenever one has failed.
                    for _ in 0..<20 { _ = try? await second.client.execute("SELECT v FROM t") }
                }
            }
            try await becomesTrue("it is being restored") { door.arrivals > 0 }
            let third = SessionID.random()
            try await stores.open(third)
            let move = Task { await second.handOver(to: third, copy: nil) }
            try await becomesTrue("it is draining") { second.isDraining }
            door.open()
            #expect(await move.value == .transferred)
            for reader in readers { await reader.value }
            #expect(try await stores.lease(of: tenant.record).session == third)
        }
    }

    @Test func twoHandoversAtOnceAreOne() async throws {
        try await withNodes { tenant, _, other in
            let door = Latch()
            stores.leases.before { call throws(LeaseStoreError) in if case .transfer = call { await door.pass() } }
            let first = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            try await becomesTrue("the first is under way") { door.arrivals == 1 }
            guard case .kept = await tenant.handOver(to: other.session.id, copy: nil) else {
                Issue.record("the second took part")
                return
            }
            #expect(await tenant.prepareRelease() == nil)
            door.open()
            #expect(await first.value == .transferred)
        }
    }

    // MARK: Release

    @Test func aReleasePublishesAndLeavesAGoodCopy() async throws {
        try await withNodes { tenant, host, other in
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            let claim = try #require(await tenant.prepareRelease())
            await expectNotLeader(tenant)
            #expect(try await stores.leases.base.release([claim], by: host.session.id) == [tenant.database])
            await tenant.released()
            #expect(try tenant.copy.mark()?.position.seq == claim.headSeq)
            try await expect(["1", "2"], in: other.lead(tenant.record))
        }
    }

    @Test func aReleaseThatWasNotAnsweredIsAskedForAgain() async throws {
        try await withNodes { tenant, _, other in
            let claim = try #require(await tenant.prepareRelease())
            #expect(await tenant.prepareRelease() == claim)
            guard case .kept = await tenant.handOver(to: other.session.id, copy: nil) else {
                Issue.record("it was handed over while its release may yet happen")
                return
            }
            await expectNotLeader(tenant)
        }
    }

    @Test func aFenceDuringADrainEndsIt() async throws {
        try await withNodes { tenant, host, other in
            let door = Latch()
            stores.leases.before { call throws(LeaseStoreError) in if case .publish = call { await door.pass() } }
            try await tenant.client.execute("INSERT INTO t VALUES (2)")
            let move = Task { await tenant.handOver(to: other.session.id, copy: nil) }
            try await becomesTrue("the last changeset is being published") { door.arrivals == 1 }
            try await stores.leases.base.endOwnSession(host.session.id, node: host.session.node, reason: "test")
            let successor = try await other.lead(tenant.record)
            door.open()
            #expect(await move.value == .lost)
            await expectNotLeader(tenant)
            // What was acknowledged locally and not shipped is lost.
            try await expect(["1"], in: successor)
        }
    }
}
