import BerthTestKit
import FleetModel
import FleetStore
import Routing
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RouteTableTests {
    private let clock = ManualClock()
    private let source = ScriptedRoutes()
    private let id = DatabaseID.random()

    private func table(_ change: (inout RouteLimits) -> Void = { _ in }) -> RouteTable {
        var limits = RouteLimits()
        change(&limits)
        return RouteTable(source: source, clock: clock, limits: limits)
    }

    @Test func oneLookUpServesEverybody() async throws {
        let table = table()
        let expected = try record("shop", id: id, epoch: 1, node: "a")
        source.set(expected)
        source.hold()
        let callers = (0..<50).map { _ in Task { try await table.route(to: expected.name) } }
        await eventually { source.looks == 1 }
        source.letGo()
        for caller in callers { #expect(try await caller.value == expected) }
        #expect(try await table.route(to: expected.name) == expected)
        #expect(source.looks == 1)
    }

    @Test func aMissIsCachedForASecond() async throws {
        let table = table()
        let shop = try name("shop")
        for _ in 0..<3 { await expect(.databaseNotFound) { _ = try await table.route(to: shop) } }
        #expect(source.looks == 1)
        source.set(try record("shop", id: id, epoch: 1, node: "a"))
        clock.advance(by: .seconds(1))
        #expect(try await table.route(to: shop).epoch == Epoch(1))
    }

    @Test func hintsMakeItLookAgain() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: "a"))
        _ = try await table.route(to: shop)
        let (hints, hint) = AsyncStream.makeStream(of: StoreHint.self)
        let running = Task { await table.run(hints: hints) }

        source.set(try record("shop", id: id, epoch: 2, node: "b"))
        hint.yield(.leases([.random()]))
        hint.yield(.placements(nil))
        hint.yield(.operations)
        hint.yield(.leases([id]))
        await eventually { (try? await table.route(to: shop))?.epoch == Epoch(2) }
        #expect(source.looks == 2)

        for (epoch, one) in [(3, StoreHint.sessions), (4, .everything), (5, .leases(nil))] {
            source.set(try record("shop", id: id, epoch: Int64(epoch), node: "b"))
            hint.yield(one)
            await eventually { (try? await table.route(to: shop))?.epoch == Epoch(Int64(epoch)) }
        }
        #expect(source.looks == 5)
        hint.finish()
        await running.value
    }

    @Test func whatWasKnownDoesWhileTheStoreIsAway() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: "a"))
        _ = try await table.route(to: shop)
        source.fail(shop, .storeUnavailable)
        table.invalidateAll()
        for _ in 0..<5 { #expect(try await table.route(to: shop).node?.description == "a") }
        // The store is not asked for every request.
        #expect(source.looks == 2)
        await expect(.storeUnavailable) {
            source.fail(try name("other"), .storeUnavailable)
            _ = try await table.route(to: try name("other"))
        }
    }

    @Test func anOldLookUpUnderWayIsNotGoodEnough() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: "a"))
        source.hold()
        let first = Task { try await table.route(to: shop) }
        await eventually { source.looks == 1 }
        clock.advance(by: .seconds(2))
        source.set(try record("shop", id: id, epoch: 2, node: "b"))
        let second = Task { try await table.route(to: shop, maximumAge: .seconds(1)) }
        source.letGo()
        #expect(try await first.value.epoch >= Epoch(1))
        #expect(try await second.value.epoch == Epoch(2))
    }

    // MARK: Waiting

    @Test func aWaiterIsWokenByAHint() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: nil))
        let deadline = clock.now() + .seconds(10)
        let waiter = Task { try await table.waitForLeader(of: shop, until: deadline) }
        await eventually { clock.sleepers == 1 && source.looks == 1 }
        source.set(try record("shop", id: id, epoch: 2, node: "b"))
        table.invalidate([id])
        // The clock never moved.
        #expect(try await waiter.value.node?.description == "b")
    }

    @Test func aWaiterLooksEveryHalfSecondWithoutHints() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: nil))
        let deadline = clock.now() + .seconds(10)
        let waiters = (0..<20).map { _ in Task { try await table.waitForLeader(of: shop, until: deadline) } }
        for look in 1...3 {
            await eventually { source.looks == look && clock.sleepers == waiters.count }
            clock.advance(by: .milliseconds(500))
        }
        await eventually { source.looks == 4 && clock.sleepers == waiters.count }
        source.set(try record("shop", id: id, epoch: 2, node: "b"))
        clock.advance(by: .milliseconds(500))
        for waiter in waiters { #expect(try await waiter.value.epoch == Epoch(2)) }
        #expect(source.looks == 5)
    }

    @Test func onlyANewerEpochWillDo() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 4, node: "a"))
        _ = try await table.route(to: shop)
        let deadline = clock.now() + .seconds(10)
        let waiter = Task { try await table.waitForLeader(of: shop, newerThan: Epoch(4), until: deadline) }
        await eventually { clock.sleepers == 1 }
        #expect(table.learn(NotLeaderHint(address: "http://b:1", epoch: Epoch(5)), about: shop))
        #expect(try await waiter.value.address == "http://b:1")
        #expect(source.looks == 1)
    }

    @Test func waitingEndsAtTheDeadline() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: nil))
        let deadline = clock.now() + .milliseconds(300)
        let waiter = Task { await code { _ = try await table.waitForLeader(of: shop, until: deadline) } }
        await eventually { clock.sleepers == 1 }
        clock.advance(by: .milliseconds(300))
        #expect(await waiter.value == .leaderUnavailable)
    }

    @Test func waitersAreBoundedAndCancelledCleanly() async throws {
        let table = table { $0.waiters = 2 }
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: nil))
        let deadline = clock.now() + .seconds(10)
        let waiters = (0..<2).map { _ in Task { await code { _ = try await table.waitForLeader(of: shop, until: deadline) } } }
        await eventually { clock.sleepers == 2 }
        await expect(.tooManyRequests) { _ = try await table.waitForLeader(of: shop, until: deadline) }
        for waiter in waiters { waiter.cancel() }
        for waiter in waiters { #expect(await waiter.value == .leaderUnavailable) }
        #expect(clock.sleepers == 0)
        // Their places are free again.
        source.set(try record("shop", id: id, epoch: 2, node: "b"))
        table.invalidateAll()
        #expect(try await table.waitForLeader(of: shop, until: deadline).epoch == Epoch(2))
    }

    @Test func aStoreThatIsAwayIsAskedAgainSlowly() async throws {
        let table = table()
        let shop = try name("shop")
        source.fail(shop, .storeUnavailable)
        let deadline = clock.now() + .seconds(10)
        let waiter = Task { try await table.waitForLeader(of: shop, until: deadline) }
        await eventually { source.looks == 1 && clock.sleepers == 1 }
        clock.advance(by: .milliseconds(499))
        await eventually { clock.sleepers == 1 }
        #expect(source.looks == 1)
        source.set(try record("shop", id: id, epoch: 1, node: "a"))
        clock.advance(by: .milliseconds(1))
        #expect(try await waiter.value.epoch == Epoch(1))
        #expect(source.looks == 2)
    }

    @Test func newsWakesWhoeverWaitsForIt() async throws {
        let table = table()
        let shop = try name("shop")
        source.set(try record("shop", id: id, epoch: 1, node: "a"))
        let seen = try await table.route(to: shop)
        let deadline = clock.now() + .seconds(10)
        let waiter = Task { await table.waitForNews(of: shop, since: seen, until: deadline) }
        await eventually { clock.sleepers == 1 }
        table.invalidate([id])
        _ = await waiter.value
        // What is stale already is news.
        await table.waitForNews(of: shop, since: seen, until: deadline)
        #expect(source.looks == 1)
    }
}

/// The code of the error `body` throws; `nil` when it throws none of Berth's.
func code(_ body: () async throws -> Void) async -> BerthError.Code? {
    do { try await body() } catch { return (error as? BerthError)?.code }
    return nil
}

func expect(
    _ expected: BerthError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
    #expect(await code(body) == expected, sourceLocation: sourceLocation)
}
