import BerthTestKit
import Testing

@testable import Engines

/// Who gets a thread, under any order of events.
@Suite struct TurnSchedulerTests {
    private typealias Scheduler = TurnScheduler<Int>

    private static let budget: Int64 = 100

    /// Turns as their scheduler is told of them, and what is known of each.
    private struct World {
        struct Turn {
            var account: UInt64
            var used: Int64 = 0
            var isStuck = false
        }
        var scheduler: Scheduler
        var turns: [Int: Turn] = [:]
        /// Lanes of each account that wait, in their order.
        var waiting: [UInt64: [Int]] = [:]
        var lastLane = 0
        var lastThread = 0

        var limits: Scheduler.Limits { scheduler.limits }
        func underWay(_ account: UInt64) -> Int { turns.values.count { $0.account == account } }

        mutating func add(_ account: UInt64) {
            lastLane += 1
            waiting[account, default: []].append(lastLane)
            scheduler.add(lastLane, of: account)
        }

        @discardableResult
        mutating func begin() -> UInt64? {
            let isNext = scheduler.hasNext()
            #expect(scheduler.hasNext() == isNext, "asking changes nothing")
            lastThread += 1
            guard let lane = scheduler.begin(on: lastThread) else {
                #expect(!isNext)
                return nil
            }
            #expect(isNext)
            guard let (account, lanes) = waiting.first(where: { $0.value.contains(lane) }) else {
                Issue.record("lane \(lane) does not wait")
                return nil
            }
            #expect(lanes.first == lane, "an account's lanes have their turns in their order")
            waiting[account] = lanes.count == 1 ? nil : Array(lanes.dropFirst())
            turns[lastThread] = Turn(account: account)
            return account
        }

        mutating func use(_ thread: Int, _ nanoseconds: Int64, isStuck: Bool = false) {
            turns[thread]?.used += nanoseconds
            if isStuck { turns[thread]?.isStuck = true }
            _ = scheduler.note(thread, used: turns[thread]?.used ?? 0, isStuck: isStuck)
        }

        mutating func end(_ thread: Int) {
            guard let turn = turns.removeValue(forKey: thread) else { return }
            _ = scheduler.end(thread, used: turn.used)
        }
    }

    @Test(arguments: 1...300) func whatIsPromisedHoldsUnderAnyOrderOfEvents(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let limits = Scheduler.Limits(
            threads: Int.random(in: 1...6, using: &random), longThreads: Int.random(in: 0...4, using: &random), share: Int.random(in: 1...4, using: &random),
            budget: Self.budget)
        var world = World(scheduler: Scheduler(limits))
        let accounts = UInt64.random(in: 1...8, using: &random)
        for _ in 0..<400 {
            let thread = world.turns.keys.sorted().randomElement(using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<4: world.add(UInt64.random(in: 1...accounts, using: &random))
            case 4..<7: world.begin()
            case 7..<10: if let thread { world.use(thread, Int64.random(in: 0...60, using: &random), isStuck: Int.random(in: 0..<10, using: &random) == 0) }
            default: if let thread { world.end(thread) }
            }
            let scheduler = world.scheduler
            #expect(scheduler.turnsUnderWay == world.turns.count && scheduler.waitingLanes == world.waiting.values.reduce(0) { $0 + $1.count })
            #expect(scheduler.turnsUnderWay - scheduler.longTurns <= limits.threads, "short turns have the threads there are")
            #expect(scheduler.wantedThreads == limits.threads + scheduler.longTurns)
            for account in 1...accounts { #expect(world.underWay(account) <= limits.share) }
            if limits.longThreads == 0 { #expect(scheduler.longTurns == 0, "a pool of a fixed size stays that") }
        }
        // Everything gets its turn in the end.
        var rounds = 0
        while !world.turns.isEmpty || !world.waiting.isEmpty {
            rounds += 1
            guard rounds < 10_000 else { break }
            while world.begin() != nil {}
            for thread in world.turns.keys.sorted() { world.end(thread) }
        }
        #expect(world.waiting.isEmpty)
    }

    /// However many ask long questions, and however they have behaved before, two threads are left to those who do not.
    @Test(arguments: 1...200) func longTurnsLeaveTwoThreads(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let limits = Scheduler.Limits(
            threads: Int.random(in: 3...6, using: &random), longThreads: Int.random(in: 1...4, using: &random), share: Int.random(in: 1...4, using: &random),
            budget: Self.budget)
        var world = World(scheduler: Scheduler(limits))
        for _ in 0..<300 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: world.add(UInt64.random(in: 1...40, using: &random))
            case 1: world.begin()
            case 2:
                // All of them use up their budgets, and the pool's watcher looks.
                for thread in world.turns.keys.sorted() { world.use(thread, Self.budget) }
                let quiet = UInt64(1_000 + world.lastLane)
                world.add(quiet)
                world.add(quiet + 1_000_000)
                #expect(world.begin() != nil && world.begin() != nil, "two new ones, or two who waited, are served at once")
                for thread in world.turns.filter({ $0.value.account > 40 }).keys.sorted() { world.end(thread) }
            default: if let thread = world.turns.keys.sorted().randomElement(using: &random), Int.random(in: 0..<3, using: &random) == 0 { world.end(thread) }
            }
        }
    }

    /// Two that always have something to do get as much time each, whatever a turn of theirs takes.
    @Test func threadsAreSharedByTheTimeThatIsUsed() {
        var world = World(scheduler: Scheduler(Scheduler.Limits(threads: 1, longThreads: 0, share: 4, budget: Self.budget)))
        let costs: [UInt64: Int64] = [1: 90, 2: 30, 3: 1]
        var used: [UInt64: Int64] = [:]
        for account in costs.keys.sorted() { for _ in 0..<3 { world.add(account) } }
        for _ in 0..<5_000 {
            guard let account = world.begin(), let cost = costs[account] else { break }
            world.use(world.lastThread, cost)
            world.end(world.lastThread)
            used[account, default: 0] += cost
            world.add(account)
        }
        let (least, most) = (used.values.min() ?? 0, used.values.max() ?? 0)
        #expect(used.count == 3 && most - least <= 90 && least > 1_000, "\(used)")
    }

    @Test func whoWasQuietComesNextAndHasNotSavedTimeUp() {
        var world = World(scheduler: Scheduler(Scheduler.Limits(threads: 1, longThreads: 0, share: 1, budget: Self.budget)))
        for _ in 0..<100 {
            world.add(1)
            world.begin()
            world.use(world.lastThread, 50)
            world.end(world.lastThread)
        }
        world.add(1)
        world.add(2)
        #expect(world.begin() == 2)
        world.use(world.lastThread, 50)
        world.end(world.lastThread)
        // From now on they take turns.
        var order: [UInt64] = []
        for _ in 0..<20 {
            for account: UInt64 in [1, 2] where world.waiting[account] == nil { world.add(account) }
            guard let account = world.begin() else { break }
            order.append(account)
            world.use(world.lastThread, 50)
            world.end(world.lastThread)
        }
        #expect(abs(order.count { $0 == 1 } - order.count { $0 == 2 }) <= 2, "\(order)")
    }

    @Test func anAccountHasAtMostItsShare() {
        var world = World(scheduler: Scheduler(Scheduler.Limits(threads: 4, longThreads: 4, share: 2, budget: Self.budget)))
        for _ in 0..<5 { world.add(1) }
        #expect(world.begin() == 1 && world.begin() == 1 && world.begin() == nil)
        world.add(2)
        #expect(world.begin() == 2)
        world.end(1)
        #expect(world.begin() == 1)
    }

    /// What an account with long turns begins is taken for long: once there is no room for it, it waits.
    @Test func whoAskedLongQuestionsKeepsOffTheThreadsOfOthers() {
        var world = World(scheduler: Scheduler(Scheduler.Limits(threads: 4, longThreads: 2, share: 8, budget: Self.budget)))
        for _ in 0..<6 { world.add(1) }
        #expect(world.begin() == 1 && world.begin() == 1)
        world.use(1, 200)
        world.use(2, 200)
        #expect(world.scheduler.longTurns == 2)
        #expect(world.begin() == nil, "all four threads are free, for others")
        for account: UInt64 in 2...5 { world.add(account) }
        #expect((2...5).allSatisfy { _ in world.begin() != nil })
        world.end(1)
        #expect(world.begin() == 1 && world.scheduler.longTurns == 2)
    }
}
