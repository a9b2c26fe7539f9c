import BerthTestKit
import EngineHost
import FleetModel
import Foundation
import Hrana
import Leases
import Testing

@testable import WorkerNode

/// Answers that are made while the client reads them.
@Suite(.timeLimit(.minutes(1)))
struct CursorTests {
    /// Some five hundred bytes a row.
    private static let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i, hex(zeroblob(200)) FROM n"

    private func withTenant(
        durability: Durability = .local, settings change: (inout TenantSettings) -> Void = { _ in },
        _ body: (DataClient, Tenant, TestStores, TenantHost) async throws -> Void
    ) async throws {
        var settings = TenantSettings()
        settings.cursorPieceBytes = 4 << 10
        change(&settings)
        let stores = try TestStores()
        let record = try await stores.makeDatabase(durability: durability)
        try await TenantHost.with(stores, settings: settings) { host in
            let tenant = try await host.lead(record)
            async let created = tenant.client.execute("CREATE TABLE t (v)")
            try await becomesTrue("the table is published") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.hasServedAll
            }
            _ = try await created
            try await body(tenant.client, tenant, stores, host)
        }
    }

    @Test func rowsComeInPiecesAndAreAllThere() async throws {
        try await withTenant { client, tenant, _, _ in
            let cursor = try await client.openCursor(nil, Step(Self.many))
            #expect(cursor.goesOn && cursor.entries.count < 100, "nothing is made ahead of the reader")
            #expect(await tenant.waitingRequests == 1)
            while try await cursor.read() {}
            #expect(cursor.outline == ["step_begin", "2000", "step_end", "end"])
            #expect(cursor.entries.compactMap { $0.row?.first?.text } == (1...2000).map { "\($0)" })
            #expect(cursor.pieces > 200)
            #expect(try await !cursor.read())
            // The stream lives on, with the baton of the first line.
            #expect(try await client.pipeline(cursor.baton, .execute("SELECT 7"), .close).rows(0) == [["7"]])
            #expect(await tenant.isAtRest)
        }
    }

    @Test func stepsFollowTheirConditionsAcrossPieces() async throws {
        try await withTenant { client, _, _, _ in
            let cursor = try await client.openCursor(
                nil, Step("BEGIN"), Step("INSERT INTO t VALUES (1) RETURNING v", if: Step.ok(0)), Step(Self.many, if: Step.ok(1)),
                Step("nonsense"), Step("SELECT 1", if: Step.ok(3)), Step("COMMIT", if: Step.failed(3)),
                Step("SELECT v FROM t", if: Step.isAutocommit))
            while try await cursor.read() {}
            #expect(
                cursor.outline == [
                    "step_begin", "step_end", "step_begin", "1", "step_end", "step_begin", "2000", "step_end",
                    "step_error SQL_PARSE_ERROR", "step_begin", "step_end", "step_begin", "1", "step_end", "end",
                ])
            #expect(cursor.entries.compactMap { $0.type == "step_begin" ? $0.step : nil } == [0, 1, 2, 5, 6])
        }
    }

    @Test func anErrorAmongTheRowsFailsTheStepAlone() async throws {
        try await withTenant { client, _, _, _ in
            let failing = Self.many.replacingOccurrences(of: "SELECT i,", with: "SELECT abs(CASE i WHEN 1500 THEN -9223372036854775808 ELSE i END),")
            let cursor = try await client.openCursor(nil, Step(failing), Step("SELECT 1", if: Step.failed(0)))
            while try await cursor.read() {}
            let outline = cursor.outline
            #expect(outline.first == "step_begin" && Array(outline.dropFirst(2)) == ["step_error SQLITE_ERROR", "step_begin", "1", "step_end", "end"])
            #expect((1000..<1500).contains(Int(outline[1]) ?? 0))
        }
    }

    @Test func writesOfOthersDoNotShowInTheMiddle() async throws {
        try await withTenant { client, tenant, stores, _ in
            for _ in 0..<3 { try await client.execute("INSERT INTO t SELECT 1 FROM (\(Self.many)) LIMIT 500") }
            let cursor = try await client.openCursor(nil, Step("SELECT v, hex(zeroblob(200)) FROM t"))
            try await client.execute("DELETE FROM t")
            try await becomesTrue("it is published beside the open cursor") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.allIsPublished
            }
            while try await cursor.read() {}
            #expect(cursor.outline == ["step_begin", "1500", "step_end", "end"])
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
        }
    }

    @Test func whoStopsReadingIsCutOff() async throws {
        try await withTenant { client, tenant, stores, _ in
            let cursor = try await client.openCursor(nil, Step(Self.many))
            stores.clock.advance(by: .seconds(29))
            #expect(await tenant.expireAll())
            try await cursor.read()
            stores.clock.advance(by: .seconds(29))
            #expect(await tenant.expireAll(), "it was read in between")
            stores.clock.advance(by: .seconds(2))
            #expect(await !tenant.expireAll())
            #expect(await tenant.isAtRest)
            while try await cursor.read() {}
            #expect(cursor.outline.last == "error STREAM_EXPIRED")
            await #expect(throws: ErrorAnswer(code: "STREAM_EXPIRED", message: "")) {
                try await client.pipeline(cursor.baton, .execute("SELECT 1"))
            }
        }
    }

    /// A part of an answer never looks like the whole of it.
    @Test func anAnswerWhoseHostEndsSaysSo() async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase()
        let faults = FaultyHost.Faults()
        try await TenantHost.with(stores, wrapping: { FaultyHost(base: $0, faults: faults) }) { host in
            let tenant = try await host.lead(record)
            let cursor = try await tenant.client.openCursor(nil, Step(Self.many))
            #expect(cursor.goesOn)
            faults.forgetAnswers()
            while try await cursor.read() {}
            #expect(cursor.outline.last == "error STREAM_EXPIRED")
        }
    }

    @Test func theNextRequestOfItsStreamEndsIt() async throws {
        try await withTenant { client, tenant, _, _ in
            let cursor = try await client.openCursor(nil, Step("BEGIN"), Step("INSERT INTO t VALUES (1)"), Step(Self.many))
            let last = try await client.pipeline(cursor.baton, .execute("COMMIT"), .close)
            #expect(last.outcomes == ["execute", "close"], "the transaction goes on")
            while try await cursor.read() {}
            #expect(cursor.outline.last == "error STREAM_EXPIRED")
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"])
            #expect(await tenant.isAtRest)
        }
    }

    @Test func aCancelledOneHoldsNothing() async throws {
        try await withTenant { client, tenant, _, _ in
            let cursor = try await client.openCursor(nil, Step(Self.many))
            cursor.cancel()
            try await becomesTrue("it is not under way any more") { await tenant.waitingRequests == 0 }
            #expect(try await !cursor.read())
            #expect(try await client.pipeline(cursor.baton, .close).outcomes == ["close"])
            #expect(await tenant.isAtRest)
        }
    }

    @Test func nothingIsHandedOutThatCannotBeConfirmed() async throws {
        try await withTenant { client, tenant, stores, host in
            let cursor = try await client.openCursor(nil, Step(Self.many))
            let rows = cursor.entries.count
            stores.clock.advance(by: TenantHost.lifetime)
            #expect(!host.gate.isOpen)
            while try await cursor.read() {}
            #expect(cursor.entries.count == rows + 1 && cursor.outline.last == "error LEADER_UNAVAILABLE")
            #expect(await tenant.waitingRequests == 0)
        }
    }

    /// Rows of a commit that is not in the bucket yet wait for it; the pieces after the first need not wait again.
    @Test func aBucketDatabaseShowsOnlyWhatIsPublished() async throws {
        try await withTenant(durability: .bucket) { client, tenant, stores, _ in
            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            let write = Task { try await client.execute("INSERT INTO t VALUES (1)") }
            try await becomesTrue("it waits") { await tenant.waitsForPublish }
            let reading = Task { @Sendable in
                let cursor = try await client.openCursor(nil, Step("SELECT v, i FROM t, (\(Self.many))"))
                while try await cursor.read() {}
                return cursor.outline
            }
            try await becomesTrue("both wait") { await tenant.waitingRequests == 2 }
            door.open()
            try await becomesTrue("it is published") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.allIsPublished
            }
            #expect(try await reading.value == ["step_begin", "2000", "step_end", "end"])
            _ = try await write.value
        }
    }

    /// Then it is the tenant's turn, however patient its client has to be.
    @Test func aPieceThatWaitsForTheBucketIsNotEnded() async throws {
        try await withTenant(durability: .bucket, settings: { $0.cursorTimeout = .milliseconds(100) }) { client, tenant, stores, _ in
            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            let reading = Task { @Sendable in
                let cursor = try await client.openCursor(nil, Step(Self.many), Step("INSERT INTO t VALUES (1)"))
                while try await cursor.read() {}
                return cursor.outline
            }
            try await becomesTrue("its last piece waits") { await tenant.waitsForPublish }
            stores.clock.advance(by: .milliseconds(200))
            #expect(await tenant.expireAll())
            door.open()
            try await becomesTrue("it is published") {
                stores.clock.advance(by: .milliseconds(10))
                return await tenant.allIsPublished
            }
            #expect(try await reading.value == ["step_begin", "2000", "step_end", "step_begin", "step_end", "end"])
        }
    }

    @Test func aMoveWaitsForItAndThenEndsIt() async throws {
        try await withTenant { client, tenant, stores, host in
            let cursor = try await client.openCursor(nil, Step(Self.many))
            let release = Task { await tenant.prepareRelease() }
            try await becomesTrue("it drains") { await tenant.takesNothingIn }
            try await cursor.read()
            // The drain's own timer, and nobody else's, ends it.
            try await becomesTrue("it is released") {
                stores.clock.advance(by: .seconds(1))
                return await tenant.waitingRequests == 0
            }
            #expect(await release.value != nil)
            while try await cursor.read() {}
            #expect(cursor.outline.last == "error STREAM_EXPIRED")
        }
    }

    @Test func largeResultsInOnePieceAreStillRefused() async throws {
        try await withTenant(settings: { $0.responseBytes = 50_000 }) { client, _, _, _ in
            let answer = try await client.pipeline(nil, .execute(Self.many), .close)
            #expect(answer.outcomes == ["RESPONSE_TOO_LARGE", "close"])
            let cursor = try await client.cursor(nil, Step(Self.many))
            #expect(cursor.entries.count == 2003)
        }
    }
}
