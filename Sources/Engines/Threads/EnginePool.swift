import Dispatch
import FleetModel
import Foundation
import Synchronization

/// The OS threads on which engines run.
///
/// SQLite and DuckDB block: their calls must occupy neither an event loop nor Swift's cooperative pool. Every database
/// gets an account, and ``EngineLane``s that belong to it; the accounts share the threads by the time they use. `shutdown()` must be called for the
/// threads to end.
///
/// A statement may take as long as its limit allows, and nothing can take it off its thread. So a turn that uses more than `budget` of its thread's clock
/// while lanes wait stops counting: another thread takes its place, and the operating system shares the cores. A few databases that ask long
/// questions therefore hold up nobody but themselves. Who gets a thread and what is long is decided by ``TurnScheduler``.
public final class EnginePool: @unchecked Sendable {
    // Safe: `state` is only used under the lock of `condition`, everything else is constant.

    /// How a pool shares its threads.
    public struct Limits: Sendable, Hashable, Codable {
        /// At least 1. They sleep while there is no work.
        public var threads: Int
        /// Threads added, at most, while turns are long; 0 for a pool of a fixed size. Should those that are not taken for long prove to be, more are
        /// added, so that two threads are left.
        public var longThreads = 64
        /// Turns that one account may have under way at once; the others of its lanes wait.
        public var share = 8
        /// How much of its thread's clock a turn may use until it counts as long, while lanes wait. One that holds its thread for twice as long, and waits
        /// itself, does so as well.
        public var budget: Duration = .milliseconds(100)

        public init(threads: Int) { self.threads = threads }
    }

    /// Jobs a lane runs before the next waiting lane gets the thread.
    static let jobsPerTurn = 16
    /// Within which the last of them begins.
    private static let turnTime = Duration.milliseconds(10)
    /// Enough for SQLite's deepest permitted expression; only touched pages are ever resident.
    private static let stackBytes = 8 << 20

    /// A turn under way.
    private struct Turn {
        let clock: ThreadClock
        let usedAtBegin: Int64
        let begin: BootInstant
    }

    private struct State {
        var scheduler: TurnScheduler<EngineLane>
        /// Of threads in a turn, by their numbers.
        var turns: [Int: Turn] = [:]
        var liveThreads = 0
        var sleepingThreads = 0
        /// Threads ever made, for their names.
        var threadsMade = 0
        /// Looks for long turns; asleep while no lane waits.
        var isWatching = false
        var isShuttingDown = false
        var awaitingEnd: [CheckedContinuation<Void, Never>] = []
    }

    private let limits: Limits
    private let name: String
    private let condition = NSCondition()
    private var state: State
    private let lastAccount = Atomic<UInt64>(0)
    /// Where turns run instead of on threads of the pool.
    private let turns: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
    /// Signalled when lanes wait and every thread is in a turn, and at shutdown.
    private let watch = DispatchSemaphore(value: 0)

    /// Starts the threads at once.
    ///
    /// - Parameter name: what `top` shows, with the thread's number; Linux keeps 15 bytes of the whole.
    public init(_ limits: Limits, name: String = "engine") {
        self.limits = limits
        self.name = name
        turns = nil
        state = State(scheduler: TurnScheduler(Self.schedule(limits)))
        condition.lock()
        for _ in 0..<limits.threads { addThread() }
        condition.unlock()
        if limits.longThreads > 0 { Thread.start(named: "\(name)-watch", watchTurns) }
    }

    /// As ``init(_:name:)``, with the usual limits.
    public convenience init(threads: Int, name: String = "engine") { self.init(Limits(threads: threads), name: name) }

    /// A pool without threads: a lane that has work gets each of its turns by one call of `turns`.
    ///
    /// For a simulation, which decides the order in which everything runs.
    public init(turns: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        limits = Limits(threads: 1)
        name = ""
        self.turns = turns
        state = State(scheduler: TurnScheduler(Self.schedule(limits)))
    }

    private static func schedule(_ limits: Limits) -> TurnScheduler<EngineLane>.Limits {
        .init(threads: limits.threads, longThreads: limits.longThreads, share: limits.share, budget: limits.budget.clampedNanoseconds)
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }

    /// Threads that run lanes or wait for one.
    var liveThreads: Int { locked { state.liveThreads } }

    /// An account for lanes that belong together, such as those of one database. It costs nothing.
    public func makeAccount() -> UInt64 { lastAccount.add(1, ordering: .relaxed).newValue }

    /// A new serial lane. While idle it costs its object: no thread, no timer, no descriptor.
    ///
    /// - Parameter account: whose time it uses; without, an account of its own.
    public func makeLane(of account: UInt64? = nil) -> EngineLane { EngineLane(pool: self, account: account ?? makeAccount()) }

    /// Ends the threads after the work already queued, and returns when the last has ended.
    ///
    /// A lane used after that still works: a thread is made for the occasion, so that no task is left waiting for ever.
    /// Calling it again only waits.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            let hasEnded = locked {
                guard state.liveThreads > 0 else { return true }
                state.awaitingEnd.append(continuation)
                state.isShuttingDown = true
                condition.broadcast()
                return false
            }
            watch.signal()
            if hasEnded { continuation.resume() }
        }
    }

    /// Has a lane that has work wait for its turn.
    func makeReady(_ lane: EngineLane) {
        if let turns {
            turns { if lane.runTurn(jobs: Self.jobsPerTurn) { self.makeReady(lane) } }
            return
        }
        let isQueued = locked {
            guard state.liveThreads > 0 else { return false }
            state.scheduler.add(lane, of: lane.account)
            callThread()
            return true
        }
        guard !isQueued else { return }
        Thread { while lane.runTurn(jobs: Self.jobsPerTurn) {} }.start()
    }

    // MARK: A thread

    /// Sees to it that a lane that may have a turn gets one. Under the lock.
    private func callThread() {
        if state.sleepingThreads > 0 {
            condition.signal()
        } else if state.liveThreads < state.scheduler.wantedThreads, !state.isShuttingDown, state.scheduler.hasNext() {
            addThread()
        } else if !state.isWatching && !state.isShuttingDown && limits.longThreads > 0 && state.scheduler.waitingLanes > 0 {
            state.isWatching = true
            watch.signal()
        }
    }

    private func addThread() {
        let number = state.threadsMade
        state.threadsMade += 1
        state.liveThreads += 1
        Thread.start(named: "\(name)-\(number)", stackBytes: Self.stackBytes) { self.serveLanes(number) }
    }

    private func serveLanes(_ number: Int) {
        let clock = ThreadClock.current
        var used = clock.nanoseconds
        condition.lock()
        while true {
            if let lane = state.scheduler.begin(on: number) {
                state.turns[number] = Turn(clock: clock, usedAtBegin: used, begin: .now)
                // There may be more to do than this thread does.
                if state.scheduler.waitingLanes > 0 { callThread() }
                condition.unlock()
                let isLeft = lane.runTurn(jobs: Self.jobsPerTurn, time: Self.turnTime)
                let now = clock.nanoseconds
                condition.lock()
                state.turns[number] = nil
                let wasLong = state.scheduler.end(number, used: now - used)
                used = now
                if isLeft { state.scheduler.add(lane, of: lane.account) }
                guard wasLong, !state.isShuttingDown, state.liveThreads > state.scheduler.wantedThreads else { continue }
                break
            }
            if state.isShuttingDown && state.scheduler.waitingLanes == 0 { break }
            state.sleepingThreads += 1
            condition.wait()
            state.sleepingThreads -= 1
        }
        end()
    }

    /// The calling thread ends. Under the lock, which it gives back.
    private func end() {
        state.liveThreads -= 1
        var ended: [CheckedContinuation<Void, Never>] = []
        if state.isShuttingDown && state.liveThreads == 0 { swap(&ended, &state.awaitingEnd) }
        if state.scheduler.waitingLanes > 0 { callThread() }
        // Those that wait for lanes which may have no turn now look again whether there is anything left.
        if state.isShuttingDown { condition.broadcast() }
        condition.unlock()
        for continuation in ended { continuation.resume() }
    }

    // MARK: The watcher of long turns

    private func watchTurns() {
        let interval = DispatchTimeInterval.nanoseconds(Int(limits.budget.clampedNanoseconds))
        watch.wait()
        while true {
            enum Next { case look, sleep, end }
            let next = locked { () -> Next in
                if state.isShuttingDown { return .end }
                noteLongTurns()
                guard state.scheduler.waitingLanes > 0 else {
                    state.isWatching = false
                    return .sleep
                }
                return .look
            }
            switch next {
            // A time that runs out is the usual case; a signal can only be that of the shutdown.
            case .look: _ = watch.wait(timeout: .now() + interval)
            case .sleep: watch.wait()
            case .end: return
            }
        }
    }

    /// Under the lock.
    private func noteLongTurns() {
        let now = BootInstant.now, limit = 2 * limits.budget.clampedNanoseconds
        for (number, turn) in state.turns {
            let isStuck = now.nanoseconds(since: turn.begin) >= limit
            let isRoom = state.scheduler.note(number, used: turn.clock.nanoseconds - turn.usedAtBegin, isStuck: isStuck)
            if isRoom { callThread() }
        }
    }
}
