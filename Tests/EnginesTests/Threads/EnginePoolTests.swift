import Dispatch
@testable import Engines
import Foundation
import Synchronization
import Testing

/// An actor on a lane, with state that only its isolation protects.
private actor Resident {
    private let lane: EngineLane
    private var log: [Int] = []
    private var isInside = false
    private(set) var overlaps = 0

    init(_ lane: EngineLane) { self.lane = lane }

    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    func append(_ number: Int) { log.append(number) }
    func entries() -> [Int] { log }
    func threadName() -> String { Thread.current.name ?? "" }

    /// Tasks that begin on this actor are queued in the order they are made.
    func appendLater(_ numbers: Range<Int>) -> [Task<Void, Never>] {
        numbers.map { number in Task { self.append(number) } }
    }

    func work() {
        if isInside { overlaps += 1 }
        isInside = true
        var sum = 0
        for number in 0..<200 { sum &+= number }
        log.append(sum)
        isInside = false
    }

    /// Uses the processor for so long.
    func compute(for time: Duration) {
        let clock = ThreadClock.current
        let end = clock.nanoseconds + time.components.attoseconds / 1_000_000_000
        while clock.nanoseconds < end {}
    }

    func hold(until gate: DispatchSemaphore) { gate.wait() }
    func note(_ name: String, in order: SharedOrder) { order.append(name) }
}

private final class SharedOrder: Sendable {
    private let names = Mutex<[String]>([])
    func append(_ name: String) { names.withLock { $0.append(name) } }
    var all: [String] { names.withLock { $0 } }
}

/// Limits under which turns are long soon.
func quick(threads: Int, longThreads: Int = 64) -> EnginePool.Limits {
    var limits = EnginePool.Limits(threads: threads)
    limits.longThreads = longThreads
    limits.budget = .milliseconds(1)
    return limits
}

@Suite(.timeLimit(.minutes(1))) struct EnginePoolTests {
    @Test func jobsRunOnThePoolsThreads() async {
        let pool = EnginePool(threads: 2, name: "pool-test")
        let resident = Resident(pool.makeLane())
        #expect(await resident.threadName().hasPrefix("pool-test-"))
        await pool.shutdown()
    }

    @Test func jobsOfOneLaneRunInOrder() async {
        let pool = EnginePool(threads: 3)
        let resident = Resident(pool.makeLane())
        for task in await resident.appendLater(0..<1_000) { await task.value }
        #expect(await resident.entries() == Array(0..<1_000))
        await pool.shutdown()
    }

    @Test func jobsOfOneLaneNeverOverlap() async {
        let pool = EnginePool(threads: 4)
        let residents = (0..<20).map { _ in Resident(pool.makeLane()) }
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<4_000 {
                let resident = residents[index % residents.count]
                group.addTask { await resident.work() }
            }
        }
        for resident in residents {
            #expect(await resident.overlaps == 0)
            #expect(await resident.entries().count == 200)
        }
        await pool.shutdown()
    }

    @Test func aBusyLaneLetsAnotherInAfterOneTurn() async {
        let pool = EnginePool(threads: 1)
        let busyLane = pool.makeLane()
        let smallLane = pool.makeLane()
        let (busy, small) = (Resident(busyLane), Resident(smallLane))
        let order = SharedOrder()
        let gate = DispatchSemaphore(value: 0)
        // The pool's only thread is held while both queues fill.
        let holder = Task { await busy.hold(until: gate) }
        let many = (0..<500).map { _ in Task { await busy.note("busy", in: order) } }
        let one = Task { await small.note("small", in: order) }
        while busyLane.queuedJobs < 500 || smallLane.queuedJobs < 1 { await Task.yield() }
        gate.signal()
        await holder.value
        await one.value
        for task in many { await task.value }
        let before = order.all.prefix { $0 == "busy" }.count
        #expect(order.all.count == 501)
        #expect(before <= 16, "the small lane waited for \(before) jobs of the busy one")
        await pool.shutdown()
    }

    @Test func idleLanesMayOutnumberThreads() async {
        let pool = EnginePool(threads: 2)
        let residents = (0..<5_000).map { _ in Resident(pool.makeLane()) }
        for resident in residents { await resident.append(1) }
        #expect(await residents[4_999].entries() == [1])
        await pool.shutdown()
    }

    @Test func shutdownFinishesQueuedWorkAndCanBeRepeated() async {
        let pool = EnginePool(threads: 2)
        let resident = Resident(pool.makeLane())
        let tasks = await resident.appendLater(0..<100)
        await pool.shutdown()
        await pool.shutdown()
        for task in tasks { await task.value }
        #expect(await resident.entries() == Array(0..<100))
    }

    @Test func aLaneStillWorksAfterShutdown() async {
        let pool = EnginePool(threads: 1)
        let resident = Resident(pool.makeLane())
        await pool.shutdown()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { await resident.work() } }
        }
        #expect(await resident.entries().count == 100)
        #expect(await resident.overlaps == 0)
    }

    /// As many databases that ask a long question as there are threads, and one that asks a short one.
    @Test func longTurnsHoldUpNoOtherLane() async {
        let pool = EnginePool(quick(threads: 2))
        let gate = DispatchSemaphore(value: 0)
        let holders = (0..<20).map { _ in
            let resident = Resident(pool.makeLane())
            return Task { await resident.hold(until: gate) }
        }
        let quick = Resident(pool.makeLane())
        await quick.append(1)
        #expect(await quick.entries() == [1], "answered while twenty lanes are held")
        for _ in holders { gate.signal() }
        for holder in holders { await holder.value }
        await pool.shutdown()
    }

    @Test func threadsAddedForLongTurnsEndWithThem() async {
        let pool = EnginePool(quick(threads: 1))
        for _ in 0..<20 {
            let gate = DispatchSemaphore(value: 0)
            let held = Resident(pool.makeLane())
            let holder = Task { await held.hold(until: gate) }
            let quick = Resident(pool.makeLane())
            await quick.append(1)
            gate.signal()
            await holder.value
        }
        while pool.liveThreads > 1 { await Task.yield() }
        #expect(pool.liveThreads == 1)
        await pool.shutdown()
        #expect(pool.liveThreads == 0)
    }

    @Test func longTurnsAreBounded() async {
        let pool = EnginePool(quick(threads: 1, longThreads: 2))
        let gate = DispatchSemaphore(value: 0)
        let lanes = (0..<5).map { _ in pool.makeLane() }
        let holders = lanes.map { lane in
            let resident = Resident(lane)
            return Task { await resident.hold(until: gate) }
        }
        // Three threads: the pool's own, and two more. Two lanes wait.
        while pool.liveThreads < 3 || lanes.count(where: { !$0.isIdle }) < 5 { await Task.yield() }
        #expect(pool.liveThreads == 3)
        for _ in holders { gate.signal() }
        for holder in holders { await holder.value }
        await pool.shutdown()
    }

    @Test func shutdownWaitsForLongTurns() async {
        let pool = EnginePool(quick(threads: 1))
        let gate = DispatchSemaphore(value: 0)
        let held = Resident(pool.makeLane())
        let holder = Task { await held.hold(until: gate) }
        let quick = Resident(pool.makeLane())
        await quick.append(1)
        let end = Task { await pool.shutdown() }
        gate.signal()
        await end.value
        await holder.value
        #expect(pool.liveThreads == 0)
    }

    /// The others of its lanes wait, although there are threads.
    @Test func anAccountHasAtMostItsShareOfTheThreads() async {
        var limits = EnginePool.Limits(threads: 4)
        limits.share = 2
        let pool = EnginePool(limits), account = pool.makeAccount(), gate = DispatchSemaphore(value: 0)
        let lanes = (0..<6).map { _ in pool.makeLane(of: account) }
        let holders = lanes.map { lane in
            let resident = Resident(lane)
            return Task { await resident.hold(until: gate) }
        }
        while lanes.count(where: { !$0.isIdle }) < 6 || lanes.reduce(0, { $0 + $1.queuedJobs }) > 4 { await Task.yield() }
        let other = Resident(pool.makeLane())
        await other.append(1)
        #expect(lanes.reduce(0) { $0 + $1.queuedJobs } == 4, "two of them run")
        for _ in holders { gate.signal() }
        for holder in holders { await holder.value }
        await pool.shutdown()
        #expect(pool.liveThreads == 0)
    }

    /// A lane that has worked for long waits for one that has not.
    @Test func theOneThatUsedLessTimeComesFirst() async {
        let pool = EnginePool(threads: 1)
        let (heavy, light) = (pool.makeAccount(), pool.makeAccount())
        let worker = Resident(pool.makeLane(of: heavy))
        await worker.compute(for: .milliseconds(30))
        let order = SharedOrder(), gate = DispatchSemaphore(value: 0), busy = pool.makeLane(), blocked = Resident(busy)
        let holder = Task { await blocked.hold(until: gate) }
        // The thread is held before anybody else comes.
        while busy.isIdle || busy.queuedJobs > 0 { await Task.yield() }
        let lanes = [heavy, light].map { pool.makeLane(of: $0) }
        let residents = lanes.map { Resident($0) }
        var tasks: [Task<Void, Never>] = []
        for (resident, name) in zip(residents, ["heavy", "light"]) {
            tasks.append(Task { await resident.note(name, in: order) })
            while lanes[tasks.count - 1].queuedJobs == 0 { await Task.yield() }
        }
        gate.signal()
        await holder.value
        for task in tasks { await task.value }
        #expect(order.all == ["light", "heavy"])
        await pool.shutdown()
    }
}
