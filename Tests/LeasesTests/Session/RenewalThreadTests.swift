import Foundation
import FleetModel
import Leases
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RenewalThreadTests {
    private actor Resident {
        private let thread: RenewalThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
        private(set) var threads: Set<UInt> = []

        init(_ thread: RenewalThread) { self.thread = thread }

        func visit() { threads.insert(currentThread()) }
    }

    private final class Names: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        func append(_ name: String) { list.withLock { $0.append(name) } }
    }

    @Test func tasksAndActorsRunOnOneThread() async {
        let thread = RenewalThread()
        let resident = Resident(thread)
        let seen = await withTaskExecutorPreference(thread) {
            var seen: Set<UInt> = []
            for _ in 0..<20 {
                seen.insert(currentThread())
                await resident.visit()
                seen.insert(currentThread())
                await Task.yield()
            }
            return seen
        }
        #expect(seen.count == 1)
        #expect(await resident.threads == seen)
        thread.end()
    }

    @Test func itHasAName() async throws {
        let thread = RenewalThread(name: "my-renewals")
        await withTaskExecutorPreference(thread) {}
        let all = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
            .compactMap { try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8) }
        #expect(all.contains("my-renewals\n"))
        thread.end()
    }

    @Test func sleepersWakeInTheOrderOfTheirDeadlines() async throws {
        let thread = RenewalThread()
        let clock = thread.clock, start = clock.now(), names = Names()
        await withTaskGroup(of: Void.self) { group in
            for (name, milliseconds) in [("last", 60), ("first", 20), ("second", 40)] {
                group.addTask(executorPreference: thread) {
                    try? await clock.sleep(until: start + .milliseconds(milliseconds))
                    #expect(clock.now() >= start + .milliseconds(milliseconds))
                    names.append(name)
                }
            }
        }
        #expect(names.all == ["first", "second", "last"])
        try await clock.sleep(until: start)
        thread.end()
    }

    @Test func aSleeperThatIsCancelledLeavesAtOnce() async {
        let thread = RenewalThread()
        let clock = thread.clock
        for isAsleep in [false, true] {
            let entered = Atomic(false)
            let sleeping = Task(executorPreference: thread) {
                if !isAsleep { while !Task.isCancelled { await Task.yield() } }
                entered.store(true, ordering: .sequentiallyConsistent)
                try await clock.sleep(for: .seconds(3_600))
            }
            if isAsleep { while !entered.load(ordering: .sequentiallyConsistent) { await Task.yield() } }
            sleeping.cancel()
            await #expect(throws: CancellationError.self) { try await sleeping.value }
        }
        thread.end()
    }
}

private func currentThread() -> UInt { UInt(pthread_self()) }
