import Dispatch
import Engines
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct BlockingWorkTests {
    struct Refused: Error, Equatable { var number: Int }

    @Test func whatTheWorkReturnsOrThrowsIsReturnedOrThrown() async throws {
        let pool = EnginePool(threads: 1), work = BlockingWork(on: pool)
        #expect(await work.run { 7 } == 7)
        await #expect(throws: Refused(number: 3)) { try await work.run { () throws(Refused) -> Int in throw Refused(number: 3) } }
        await pool.shutdown()
    }

    /// One piece that blocks holds up no other.
    @Test func piecesOfWorkDoNotWaitForEachOther() async {
        let pool = EnginePool(quick(threads: 1, longThreads: 8)), work = BlockingWork(on: pool)
        let gate = DispatchSemaphore(value: 0)
        let held = (0..<4).map { _ in Task { await work.run { gate.wait() } } }
        #expect(await work.run { true })
        for _ in held { gate.signal() }
        for task in held { await task.value }
        await pool.shutdown()
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .sequentiallyConsistent) }
        func set() { value.store(true, ordering: .sequentiallyConsistent) }
    }

    private final class Count: Sendable {
        private let value = Mutex(0)
        func add() -> Int { value.withLock { $0 += 1; return $0 } }
    }

    private actor Caller {
        private let lane: EngineLane
        nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
        init(_ pool: EnginePool) { lane = pool.makeLane() }

        /// Asks for work, once the threads that tasks share are taken; until then this call needs none of them.
        func ask(begun: @Sendable () -> Void, after areTaken: DispatchSemaphore, _ work: @escaping @Sendable () -> Void) async {
            begun()
            areTaken.wait()
            await BlockingWork.threads.run(work)
        }
    }

    /// It runs on none of the threads that Swift's tasks share.
    @Test func itIsDoneWhileEveryOtherThreadComputes() async {
        let pool = EnginePool(threads: 1), areTaken = DispatchSemaphore(value: 0), isDone = Flag(), hasBegun = Flag()
        let caller = Caller(pool)
        let asking = Task {
            await caller.ask(begun: hasBegun.set, after: areTaken, isDone.set)
        }
        while !hasBegun.isSet { await Task.yield() }
        let processors = ProcessInfo.processInfo.activeProcessorCount, taken = Count()
        let limit = ContinuousClock.now + .seconds(30)
        let sawIt = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<processors {
                group.addTask {
                    if taken.add() == processors { areTaken.signal() }
                    while !isDone.isSet {
                        // Only a failing test computes for so long.
                        if ContinuousClock.now > limit { return false }
                    }
                    return true
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(sawIt)
        areTaken.signal()
        await asking.value
        await pool.shutdown()
    }
}
