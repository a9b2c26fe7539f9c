import BerthTestKit
import EngineHost
import FleetModel
import Leases
import Synchronization
import Testing

@testable import WorkerNode

/// Rule 2: what may be acknowledged, and what must be said when it may not.
@Suite(.timeLimit(.minutes(1)))
struct AcknowledgementTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    private func withTenant(
        _ durability: Durability, settings: TenantSettings = TenantSettings(), clock: (any FleetClock)? = nil,
        _ body: (DataClient, Tenant, TenantHost) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase(durability: durability)
        try await TenantHost.with(stores, settings: settings, clock: clock) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v)")
            try await becomesTrue("the table is shipped") { await tenant.allIsPublished }
            try await body(tenant.client, tenant, host)
        }
    }

    private func expectCode(
        _ code: BerthError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async {
        let error = await #expect(throws: BerthError.self, sourceLocation: sourceLocation) { try await body() }
        #expect(error?.code == code, sourceLocation: sourceLocation)
    }

    // MARK: The gate

    @Test func behindAClosedGateNothingIsExecuted() async throws {
        try await withTenant(.local) { client, tenant, host in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            stores.clock.advance(by: TenantHost.lifetime)
            await expectCode(.leaderUnavailable) { try await client.execute("INSERT INTO t VALUES (2)") }
            await expectCode(.leaderUnavailable) { try await client.execute("SELECT * FROM t") }
            await expectCode(.leaderUnavailable) { _ = try await client.pipeline(baton, .execute("COMMIT")) }
            host.openGate()
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            // The COMMIT that was refused may have come before the watcher did; then the stream is left alone from there.
            try await becomesTrue("what is left alone is ended") {
                stores.clock.advance(by: .seconds(1))
                return await tenant.streamCount == 0
            }
            await #expect(throws: ErrorAnswer(code: "STREAM_EXPIRED", message: "")) {
                try await client.pipeline(baton, .execute("COMMIT"))
            }
        }
    }

    @Test func aGateThatIsClosedKeepsTheFilesClosed() async throws {
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            let tenant = try await host.lead(record)
            host.gate.closeForGood()
            await expectCode(.leaderUnavailable) { try await tenant.client.execute("SELECT 1") }
            #expect(await !tenant.isServingNow)
        }
    }

    /// The process stops for longer than its session lives, at every place of a write where it looks at the time.
    @Test func aPauseAnywhereInAWriteIsNeverAcknowledged() async throws {
        let clock = JumpingClock(stores.clock)
        try await withTenant(.local, clock: clock) { client, tenant, host in
            var seen: Set<String> = []
            for readings in 0..<40 {
                clock.jump(afterReadings: readings, by: TenantHost.lifetime * 2)
                let outcome: String
                do {
                    _ = try await JumpingClock.$isLookedAt.withValue(true) { try await client.execute("INSERT INTO t VALUES (\(readings))") }
                    outcome = "acknowledged"
                } catch let error as BerthError { outcome = error.code.rawValue }
                let hasNotJumped = clock.stayPut()
                host.openGate()
                let isThere = try await client.execute("SELECT count(*) FROM t WHERE v = \(readings)").firstColumn == ["1"]
                switch outcome {
                case "acknowledged": #expect(hasNotJumped && isThere, "\(readings)")
                case "leader_unavailable", "ship_lag_exceeded": #expect(!isThere, "\(readings): nothing was executed")
                default: #expect(outcome == "outcome_unknown", "\(readings)")
                }
                seen.insert("\(outcome) \(isThere)")
                try await becomesTrue("it is shipped") {
                    stores.clock.advance(by: .milliseconds(250))
                    return await tenant.allIsPublished
                }
            }
            #expect(seen.isSuperset(of: ["leader_unavailable false", "outcome_unknown true", "acknowledged true"]))
        }
    }

    @Test func aPauseAnywhereInAReadIsNeverAnswered() async throws {
        let clock = JumpingClock(stores.clock)
        try await withTenant(.local, clock: clock) { client, _, host in
            var answered = 0
            for readings in 0..<20 {
                for sql in ["SELECT count(*) FROM t", "SELECT * FROM nowhere"] {
                    clock.jump(afterReadings: readings, by: TenantHost.lifetime * 2)
                    do {
                        _ = try await JumpingClock.$isLookedAt.withValue(true) { try await client.execute(sql) }
                        #expect(clock.stayPut())
                        answered += 1
                    } catch let error as BerthError {
                        #expect(error.code == .leaderUnavailable)
                    } catch is ErrorAnswer {
                        // That a table is missing is said of data, too.
                        #expect(clock.stayPut())
                        answered += 1
                    }
                    host.openGate()
                }
            }
            #expect(answered > 0 && answered < 40)
        }
    }

    // MARK: Bucket durability

    private final class Replies: Sendable {
        private let counter = Mutex(0)
        var count: Int { counter.withLock { $0 } }
        func add() { counter.withLock { $0 += 1 } }
    }

    private func holdPublishing() -> Latch {
        let door = Latch()
        stores.leases.before { call throws(LeaseStoreError) in if case .publish = call { await door.pass() } }
        return door
    }

    @Test func aBucketWriteIsAcknowledgedOnlyOncePublished() async throws {
        try await withTenant(.bucket) { client, tenant, _ in
            let door = holdPublishing()
            let replies = Replies()
            let write = Task {
                defer { replies.add() }
                return try await client.execute("INSERT INTO t VALUES (1)")
            }
            stores.clock.advance(by: .seconds(1))
            try await becomesTrue("it is being published") {
                let waits = await tenant.waitsForPublish
                return door.arrivals == 1 && waits
            }
            #expect(replies.count == 0)
            let head = try await stores.lease(of: tenant.record).head
            door.open()
            #expect(try await write.value.affected_row_count == 1)
            #expect(try await stores.lease(of: tenant.record).head.seq == head.seq + 1)
        }
    }

    /// What is being published already does not contain it.
    @Test func anAcknowledgementWaitsForItsOwnCommit() async throws {
        try await withTenant(.bucket) { client, tenant, _ in
            let door = holdPublishing()
            let first = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("the first waits") { await tenant.waitsForPublish }
            stores.clock.advance(by: .seconds(1))
            try await becomesTrue("the first is being published") { door.arrivals == 1 }
            let replies = Replies()
            let second = Task {
                defer { replies.add() }
                return try await client.execute("INSERT INTO t VALUES (2)")
            }
            try await becomesTrue("both wait") { await tenant.waitingRequests == 2 }
            door.open()
            door.close()
            #expect(try await first.value.affected_row_count == 1)
            stores.clock.advance(by: .seconds(1))
            try await becomesTrue("the second is being published") { door.arrivals == 2 }
            #expect(replies.count == 0)
            door.open()
            #expect(try await second.value.affected_row_count == 1)
        }
    }

    @Test func aReadWaitsForWhatItSaw() async throws {
        try await withTenant(.bucket) { client, tenant, _ in
            let door = holdPublishing()
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("the write waits") { await tenant.waitsForPublish }
            let replies = Replies()
            let read = Task {
                defer { replies.add() }
                return try await client.execute("SELECT v FROM t")
            }
            stores.clock.advance(by: .seconds(1))
            try await becomesTrue("both wait") { await tenant.waitingRequests == 2 }
            #expect(replies.count == 0)
            door.open()
            _ = try await write.value
            #expect(try await read.value.firstColumn == ["1"])
        }
    }

    @Test func aFencedWriteIsUnknownAndAFencedReadUnavailable() async throws {
        try await withTenant(.bucket) { client, tenant, _ in
            let door = holdPublishing()
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("the write waits") { await tenant.waitsForPublish }
            let read = Task { try await client.execute("SELECT v FROM t") }
            try await becomesTrue("both wait") { await tenant.waitingRequests == 2 }
            let successor = SessionID.random()
            try await stores.open(successor)
            #expect(
                try await stores.leases.base.transfer(
                    tenant.currentClaim, from: tenant.environment.session.id, to: successor, copy: nil))
            stores.clock.advance(by: .seconds(1))
            door.open()
            await expectCode(.outcomeUnknown) { _ = try await write.value }
            await expectCode(.leaderUnavailable) { _ = try await read.value }
            #expect(await tenant.isLost)
            await expectCode(.notLeader) { try await client.execute("SELECT 1") }
            try await stores.verifyChain(of: tenant.record)
        }
    }

    @Test func aGateThatClosesWhileItWaitsForTheBucketMakesItUnknown() async throws {
        try await withTenant(.bucket) { client, tenant, host in
            let door = holdPublishing()
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("the write waits") { await tenant.waitsForPublish }
            stores.clock.advance(by: .seconds(1))
            try await becomesTrue("it is being published") { door.arrivals == 1 }
            host.gate.closeForGood()
            door.open()
            await expectCode(.outcomeUnknown) { _ = try await write.value }
        }
    }

    @Test func anAcknowledgementDoesNotWaitForEver() async throws {
        try await withTenant(.bucket) { client, tenant, _ in
            let door = holdPublishing()
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("the write waits") { await tenant.waitsForPublish }
            stores.clock.advance(by: .seconds(31))
            await expectCode(.outcomeUnknown) { _ = try await write.value }
            door.open()
            try await becomesTrue("it is shipped all the same") { await tenant.allIsPublished }
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"])
        }
    }

    /// Its reply, with the baton, never arrives: nobody could end its transaction.
    @Test func aRequestThatCannotBeAnsweredLeavesNoTransactionBehind() async throws {
        var settings = TenantSettings()
        settings.streamTimeout = .seconds(1000)
        try await withTenant(.bucket, settings: settings) { client, tenant, _ in
            let door = holdPublishing()
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("the write waits") { await tenant.waitsForPublish }
            let open = Task { try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (2)")) }
            try await becomesTrue("both wait") { await tenant.waitingRequests == 2 }
            stores.clock.advance(by: .seconds(31))
            await expectCode(.outcomeUnknown) { _ = try await write.value }
            await expectCode(.leaderUnavailable) { _ = try await open.value }
            #expect(await tenant.isAtRest)
            door.open()
            try await becomesTrue("it is shipped") { await tenant.allIsPublished }
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"])
        }
    }
}
