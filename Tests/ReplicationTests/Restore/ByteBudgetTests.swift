import BerthTestKit
import FleetModel

import Synchronization
import Testing

@testable import Replication

@Suite(.timeLimit(.minutes(1))) struct ByteBudgetTests {
    /// What is at work together never takes more than there is, whatever the order in which it comes and ends; and all of it comes through.
    @Test(arguments: UInt64(0)..<20) func isNeverExceeded(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let budget = ByteBudget(bytes: 100)
        let sizes = (0..<60).map { _ in UInt64.random(in: 0...140, using: &generator) }
        let taken = Taken()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for size in sizes {
                group.addTask {
                    try await budget.with(size) { () throws(BerthError) in
                        taken.begin(min(size, 100))
                        await Task.yield()
                        taken.end(min(size, 100))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(taken.state.withLock { $0.most } <= 100 && taken.state.withLock { $0.ended } == 60)
    }

    private final class Taken: Sendable {
        let state = Mutex((now: UInt64(0), most: UInt64(0), ended: 0))

        func begin(_ bytes: UInt64) {
            state.withLock { state in
                state.now += bytes
                state.most = max(state.most, state.now)
            }
        }

        func end(_ bytes: UInt64) {
            state.withLock { state in
                state.now -= bytes
                state.ended += 1
            }
        }
    }

    @Test func whatIsReservedIsGivenBackWithItsLastHolder() async throws {
        let budget = ByteBudget(bytes: 10)
        var first = await budget.reserve(8)
        // More than there is in all: it waits for everything.
        // A task keeps what it answers.
        var large: Task<ByteReservation?, Never>? = Task { await budget.reserve(100) }
        try await becomesTrue("it waits") { budget.waiting == 1 }
        let small = Task { await budget.reserve(1) }
        try await becomesTrue("both wait") { budget.waiting == 2 }
        #expect(first != nil && budget.taken == 8)
        first = nil
        var second = await large?.value
        #expect(second != nil && budget.taken == 10)
        (large, second) = (nil, nil)
        let third = await small.value
        #expect(third != nil && budget.taken == 1)
    }

    /// What waits is withdrawn with its task, and those behind it go on.
    @Test func whoIsCancelledWaitsNoLonger() async throws {
        let budget = ByteBudget(bytes: 10), holding = Latch(), release = Latch()
        let holder = Task {
            try await budget.with(6) { () throws(BerthError) in
                holding.open()
                await release.pass()
            }
        }
        await holding.pass()
        let large = Task { try await budget.with(10) { () throws(BerthError) in } }
        let small = Task { try await budget.with(4) { () throws(BerthError) in true } }
        large.cancel()
        await #expect(throws: BerthError.self) { try await large.value }
        #expect(try await small.value)
        release.open()
        try await holder.value
    }
}
