import BerthTestKit
import FleetModel
import Hrana
import Testing

@testable import EngineHost
@testable import WorkerNode

/// Interactive transactions: batons, the turn to write, and what ends a stream.
@Suite(.timeLimit(.minutes(1)))
struct StreamTests {
    private static let expired = ErrorAnswer(code: "STREAM_EXPIRED", message: "")

    private func withTenant(
        settings: TenantSettings = TenantSettings(), _ body: (DataClient, Tenant, TestStores) async throws -> Void
    ) async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores, settings: settings) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v)")
            // The time that passes in a test is not to become the table's ship lag.
            try await becomesTrue("the table is published") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.allIsPublished
            }
            try await body(tenant.client, tenant, stores)
        }
    }

    @Test func aTransactionSpansRequests() async throws {
        try await withTenant { client, tenant, _ in
            var baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"], "others do not see it")
            baton = try await client.pipeline(baton, .execute("INSERT INTO t VALUES (2)")).baton
            let last = try await client.pipeline(baton, .execute("COMMIT"), .close)
            #expect(last.outcomes == ["execute", "close"])
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1", "2"])
            #expect(await tenant.isAtRest)
        }
    }

    /// What a client sets is there for the rest of its stream, outside transactions too, and for nobody else.
    @Test func settingsAndTemporaryTablesBelongToTheirStream() async throws {
        try await withTenant { client, tenant, _ in
            try await client.execute("CREATE TABLE child (v REFERENCES parent (id))")
            try await client.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
            let first = try await client.pipeline(
                nil, .execute("PRAGMA foreign_keys = ON"), .execute("CREATE TEMP TABLE mine (a)"), .execute("CREATE TEMP VIEW look AS SELECT 7 AS a"))
            let second = try await client.pipeline(
                first.baton, .execute("INSERT INTO child VALUES (1)"), .execute("INSERT INTO mine SELECT a FROM look"),
                .execute("SELECT a FROM mine"))
            #expect(second.outcomes == ["SQLITE_CONSTRAINT_FOREIGNKEY", "execute", "execute"] && second.rows(2) == [["7"]])
            // Another client meanwhile, and afterwards.
            try await client.execute("INSERT INTO child VALUES (2)")
            let others = try await client.pipeline(nil, .execute("SELECT * FROM mine"), .execute("SELECT * FROM look"), .close)
            #expect(others.outcomes == ["SQLITE_ERROR", "SQLITE_ERROR", "close"])
            _ = try await client.pipeline(second.baton, .close)
            for _ in 0..<3 {
                let after = try await client.pipeline(
                    nil, .execute("SELECT * FROM mine"), .execute("SELECT count(*) FROM temp.sqlite_schema"), .execute("PRAGMA foreign_keys"),
                    .close)
                #expect(after.outcomes == ["SQLITE_ERROR", "execute", "execute", "close"])
                #expect(after.rows(1) == [["0"]] && after.rows(2) == [["0"]])
            }
            #expect(await tenant.isAtRest)
            #expect(await tenant.openConnections <= 2)
        }
    }

    @Test func aBatonIsGoodOnce() async throws {
        try await withTenant { client, _, _ in
            let first = try await client.pipeline(nil, .execute("SELECT 1"))
            let second = try await client.pipeline(first.baton, .execute("SELECT 2"))
            await #expect(throws: Self.expired) { try await client.pipeline(first.baton, .execute("SELECT 3")) }
            #expect(try await client.pipeline(second.baton, .execute("SELECT 4")).rows(0) == [["4"]])
        }
    }

    @Test func aBatonThatIsForgedOrOfAnotherIsNotGood() async throws {
        try await withTenant { client, tenant, _ in
            let stream = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)"))
            let baton = try #require(stream.baton)
            for index in baton.indices {
                var forged = Array(baton)
                let position = baton.distance(from: baton.startIndex, to: index)
                forged[position] = forged[position] == "A" ? "B" : "A"
                await #expect(throws: Self.expired) { try await client.pipeline(String(forged), .execute("COMMIT")) }
            }
            for text in ["", "x", String(baton.dropLast()), baton + "A"] {
                await #expect(throws: Self.expired) { try await client.pipeline(text, .execute("COMMIT")) }
            }
            let otherToken = client.with { $0.digest = [9] }
            await #expect(throws: Self.expired) { try await otherToken.pipeline(baton, .execute("COMMIT")) }
            await #expect(throws: Self.expired) { try await client.reading.pipeline(baton, .execute("COMMIT")) }
            // Signed by this node, and of another epoch or database.
            let host = try #require(tenant.opened).host
            let named = try Baton(decoding: baton, tag: host.batonTag)
            for change in [{ $0.epoch = $0.epoch.next }, { $0.database = .random() }, { $0.streamID += 1 }, { $0.sequence += 1 }]
                as [(inout Baton) -> Void]
            {
                var other = named
                change(&other)
                let text = other.encoded(tag: host.batonTag)
                await #expect(throws: Self.expired) { try await client.pipeline(text, .execute("COMMIT")) }
            }
            // All that did it no harm.
            #expect(try await client.pipeline(baton, .execute("COMMIT"), .close).outcomes == ["execute", "close"])
        }
    }

    @Test func anIdleStreamIsRolledBackAndLetsOthersWrite() async throws {
        try await withTenant { client, tenant, stores in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            #expect(await tenant.turnOwner != nil)
            stores.clock.advance(by: .seconds(9))
            #expect(await tenant.expireAll(), "there is a stream to watch")
            #expect(await tenant.turnOwner != nil)
            stores.clock.advance(by: .seconds(2))
            #expect(await !tenant.expireAll())
            #expect(await tenant.isAtRest)
            await #expect(throws: Self.expired) { try await client.pipeline(baton, .execute("COMMIT")) }
            try await client.execute("INSERT INTO t VALUES (2)")
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["2"])
        }
    }

    @Test func aWriteWaitsForTheTransactionBeforeIt() async throws {
        try await withTenant { client, tenant, _ in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            async let waiting = client.execute("INSERT INTO t VALUES (2)")
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"], "reads do not wait")
            _ = try await client.pipeline(baton, .execute("COMMIT"), .close)
            #expect(try await waiting.affected_row_count == 1)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1", "2"])
        }
    }

    /// Found by the simulation: a client that lost the reply with its baton kept everybody from writing.
    @Test func aTransactionLeftAloneGivesWayToThoseWhoWait() async throws {
        try await withTenant { client, tenant, stores in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            stores.clock.advance(by: .seconds(4))
            #expect(await tenant.expireAll(), "nobody waits, so it may think")
            #expect(await tenant.turnOwner != nil)
            async let waiting = client.execute("INSERT INTO t VALUES (2)")
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            _ = await tenant.expireAll()
            #expect(try await waiting.affected_row_count == 1)
            await #expect(throws: Self.expired) { try await client.pipeline(baton, .execute("COMMIT")) }
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["2"])
        }
    }

    @Test func aWriteThatWaitsTooLongIsToldSo() async throws {
        try await withTenant { client, tenant, stores in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            let busy = Task { try await client.execute("INSERT INTO t VALUES (2)") }
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            stores.clock.advance(by: .seconds(6))
            _ = await tenant.expireAll()
            await #expect(throws: ErrorAnswer(code: "TRANSACTION_BUSY", message: "")) { try await busy.value }
            _ = try await client.pipeline(baton, .execute("COMMIT"), .close)
            try await client.execute("INSERT INTO t VALUES (3)")
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1", "3"])
        }
    }

    @Test func writersGetTheirTurnInOrderAndHoldNoConnectionMeanwhile() async throws {
        try await withTenant { client, tenant, _ in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (0)")).baton
            var waiting: [Task<StatementAnswer, any Error>] = []
            for number in 1...20 {
                waiting.append(Task { try await client.execute("INSERT INTO t VALUES (\(number))") })
                try await becomesTrue("\(number) waits") { await tenant.streamCount == number + 1 }
            }
            #expect(await tenant.openConnections <= 2)
            _ = try await client.pipeline(baton, .execute("COMMIT"), .close)
            for task in waiting { _ = try await task.value }
            #expect(try await client.execute("SELECT v FROM t").firstColumn == (0...20).map { "\($0)" })
            #expect(await tenant.turnOwner == nil)
        }
    }

    /// A client that has left before it was its turn does not get it: nobody could end its transaction.
    @Test func whoLeavesWhileItWaitsHasNoTurn() async throws {
        try await withTenant { client, tenant, _ in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (0)")).baton
            let gone = Task { try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")) }
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            gone.cancel()
            #expect(try await gone.value.outcomes == ["execute", "STREAM_EXPIRED"])
            #expect(await !tenant.hasTurnWaiters)
            _ = try await client.pipeline(baton, .execute("COMMIT"), .close)
            try await client.execute("INSERT INTO t VALUES (2)")
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["0", "2"])
            #expect(await tenant.turnOwner == nil)
        }
    }

    @Test func streamsAreLimited() async throws {
        var settings = TenantSettings()
        settings.maximumStreams = 3
        try await withTenant(settings: settings) { client, _, _ in
            var batons: [String?] = []
            for _ in 0..<3 { batons.append(try await client.pipeline(nil, .execute("BEGIN")).baton) }
            let error = await #expect(throws: BerthError.self) { try await client.pipeline(nil, .execute("SELECT 1")) }
            #expect(error?.code == .tooManyRequests)
            _ = try await client.pipeline(batons[0], .close)
            _ = try await client.pipeline(nil, .execute("SELECT 1"))
        }
    }

    /// Nothing is there that only this node has, so there is nothing to count and nothing to end.
    @Test func aStreamThatHoldsNothingNeitherCountsNorEnds() async throws {
        var settings = TenantSettings()
        settings.maximumStreams = 3
        settings.maximumRestingStreams = 8
        try await withTenant(settings: settings) { client, tenant, stores in
            var batons: [String?] = []
            for number in 0..<20 {
                batons.append(try await client.pipeline(nil, .execute("INSERT INTO t VALUES (\(number))"), .execute("PRAGMA foreign_keys")).baton)
            }
            #expect(await tenant.isAtRest)
            stores.clock.advance(by: .seconds(3_600))
            #expect(await !tenant.expireAll())
            for (number, baton) in batons.enumerated() {
                let answer = try await client.pipeline(baton, .execute("SELECT last_insert_rowid(), changes(), total_changes()"))
                #expect(answer.rows(0) == [["\(number + 1)", "1", "1"]])
            }
        }
    }

    @Test func whatAStreamHoldsEndsWithIt() async throws {
        let holding = [
            ["BEGIN"], ["SAVEPOINT s"], ["CREATE TEMP TABLE mine (a)"], ["PRAGMA recursive_triggers = ON"], ["PRAGMA case_sensitive_like = ON"],
            ["PRAGMA data_version"],
        ]
        let nothing = [
            ["SELECT 1"], ["PRAGMA table_info(t)"], ["BEGIN", "COMMIT"], ["PRAGMA recursive_triggers = OFF"], ["SELECT * FROM nowhere"],
            ["PRAGMA recursive_triggers = ON", "PRAGMA recursive_triggers = OFF"],
        ]
        try await withTenant { client, tenant, stores in
            for (statements, isHeld) in holding.map({ ($0, true) }) + nothing.map({ ($0, false) }) {
                var baton: String?
                for statement in statements { baton = try await client.pipeline(baton, .execute(statement)).baton }
                #expect(await tenant.isAtRest != isHeld, "\(statements)")
                stores.clock.advance(by: .seconds(11))
                _ = await tenant.expireAll()
                if isHeld {
                    await #expect(throws: Self.expired, "\(statements)") { try await client.pipeline(baton, .execute("SELECT 1")) }
                } else {
                    #expect(try await client.pipeline(baton, .execute("SELECT 1")).rows(0) == [["1"]], "\(statements)")
                }
            }
        }
    }

    /// A connection serves many clients; what each is told of its own changes is its own.
    @Test func aClientIsToldOfItsOwnChangesOnly() async throws {
        try await withTenant { client, _, _ in
            try await client.execute("CREATE TABLE other (id INTEGER PRIMARY KEY, v)")
            try await client.execute("INSERT INTO other (id) VALUES (5000)")
            let told = StreamCall.execute("SELECT last_insert_rowid(), changes(), total_changes()")
            var mine: String?, total = 0
            for number in 1...4 {
                mine = try await client.pipeline(mine, .execute("INSERT INTO t VALUES (\(number)), (\(number))")).baton
                total += 2
                let others = try await client.pipeline(nil, .execute("INSERT INTO other (v) VALUES (1), (2), (3)"), told, .close)
                #expect(others.rows(1) == [["\(5000 + 3 * number)", "3", "3"]])
                var answer = try await client.pipeline(mine, told)
                #expect(answer.rows(0) == [["\(2 * number)", "2", "\(total)"]])
                // None changed is a number as well.
                answer = try await client.pipeline(answer.baton, .execute("UPDATE t SET v = 0 WHERE v > 1000"))
                try await client.execute("UPDATE other SET v = 0")
                answer = try await client.pipeline(answer.baton, told)
                #expect(answer.rows(0) == [["\(2 * number)", "0", "\(total)"]])
                mine = answer.baton
                // Nobody is told of others' changes: alone, in a group, or through a stream of its own.
                #expect(try await client.execute("SELECT changes() + total_changes() + last_insert_rowid()").firstColumn == ["0"])
                #expect(try await client.pipeline(nil, told, told, .close).rows(1) == [["0", "0", "0"]])
                #expect(try await client.pipeline(nil, told).rows(0) == [["0", "0", "0"]])
            }
        }
    }

    /// A transaction that was refused its first write has no lock, so others do not wait for it.
    @Test func aRefusedTransactionHoldsNobodyUp() async throws {
        try await withTenant { client, tenant, _ in
            try await client.execute("INSERT INTO t VALUES (0)")
            let old = try await client.pipeline(nil, .execute("BEGIN"), .execute("SELECT count(*) FROM t"))
            try await client.execute("INSERT INTO t VALUES (1)")
            let refused = try await client.pipeline(old.baton, .execute("INSERT INTO t VALUES (2)"))
            #expect(refused.outcomes.first?.hasPrefix("SQLITE_BUSY") == true)
            #expect(await tenant.turnOwner == nil)
            try await client.execute("INSERT INTO t VALUES (3)")
            _ = try await client.pipeline(refused.baton, .execute("ROLLBACK"), .execute("INSERT INTO t VALUES (4)"), .close)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["0", "1", "3", "4"])
        }
    }

    /// SQLite has one writer of the file; a temporary table is its client's own.
    @Test func whatIsTemporaryWaitsForNobody() async throws {
        try await withTenant { client, tenant, _ in
            let writer = try await client.pipeline(nil, .execute("BEGIN IMMEDIATE"), .execute("INSERT INTO t VALUES (1)"))
            let mine = try await client.pipeline(
                nil, .execute("CREATE TEMP TABLE mine (a)"), .execute("INSERT INTO mine VALUES (7)"), .execute("UPDATE mine SET a = a + 1"),
                .execute("CREATE TEMP TRIGGER copy AFTER INSERT ON mine BEGIN INSERT INTO mine SELECT new.a + 1 WHERE new.a < 3; END"),
                .execute("SELECT a FROM mine"), .execute("DROP TRIGGER copy"))
            #expect(mine.outcomes.allSatisfy { $0 == "execute" } && mine.rows(4) == [["8"]])
            #expect(await !tenant.hasTurnWaiters)
            // A trigger that leads into the file waits like everything that writes it.
            let linked = try await client.pipeline(
                mine.baton, .execute("CREATE TEMP TRIGGER out AFTER INSERT ON mine BEGIN INSERT INTO t VALUES (new.a); END"))
            async let waiting = client.pipeline(linked.baton, .execute("INSERT INTO mine VALUES (9)"))
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            _ = try await client.pipeline(writer.baton, .execute("COMMIT"), .close)
            #expect(try await waiting.outcomes == ["execute"])
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1", "9"])
        }
    }

    /// A script holds others up from its first write on, not before.
    @Test func aScriptTakesTheTurnWithItsFirstWrite() async throws {
        try await withTenant { client, tenant, _ in
            let first = try await client.pipeline(nil, .sequence("BEGIN "))
            let second = try await client.pipeline(nil, .sequence("BEGIN; SELECT count(*) FROM t; CREATE TEMP TABLE a (b); INSERT INTO a VALUES (1)"))
            #expect(first.outcomes == ["sequence"] && second.outcomes == ["sequence"])
            #expect(await tenant.turnOwner == nil)
            let writer = try await client.pipeline(first.baton, .sequence("SELECT 1; INSERT INTO t VALUES (1); SELECT 2"))
            #expect(await tenant.turnOwner != nil)
            #expect(try await client.pipeline(nil, .sequence("SELECT 1; SELECT 2"), .close).outcomes == ["sequence", "close"])
            async let waiting = client.pipeline(nil, .sequence("SELECT 1; INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)"), .close)
            try await becomesTrue("it waits") { await tenant.hasTurnWaiters }
            _ = try await client.pipeline(writer.baton, .sequence("COMMIT"), .close)
            #expect(try await waiting.outcomes == ["sequence", "close"])
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1", "2", "3"])
        }
    }

    /// A refusal executes nothing, so it must neither use the baton up nor leave a stream nobody can name.
    @Test func aRefusedRequestCanBeSentAgain() async throws {
        try await withTenant { client, tenant, stores in
            try await becomesTrue("the table is shipped") { await tenant.allIsPublished }
            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            let baton = try await client.pipeline(nil, .store(1, "INSERT INTO t VALUES (1)")).baton
            try await client.execute("INSERT INTO t VALUES (0)")
            // As long as the shipper waits for the lane it is not the bucket that is behind.
            try await becomesTrue("the bucket was asked") {
                stores.clock.advance(by: .milliseconds(10))
                return door.arrivals == 1
            }
            stores.clock.advance(by: .milliseconds(5001))
            let streams = await tenant.streamCount
            for _ in 0..<5 {
                for request in [nil, baton] {
                    let error = await #expect(throws: BerthError.self) {
                        try await client.pipeline(request, .execute("INSERT INTO t VALUES (1)"))
                    }
                    #expect(error?.code == .shipLagExceeded)
                }
            }
            #expect(await tenant.streamCount == streams)
            door.open()
            try await becomesTrue("the lag is over") { await tenant.allIsPublished }
            #expect(try await client.pipeline(baton, .executeStored(1), .close).outcomes == ["execute", "close"])
        }
    }
}
