import DequeModule
import Dispatch
import FleetModel
import Foundation
import Synchronization

/// The OS threads on which engines run.
///
/// SQLite and DuckDB block: their calls must occupy neither an event loop nor Swift's cooperative pool. Every database
/// gets an ``EngineLane`` of the pool; the lanes share its threads. `shutdown()` must be called for the threads to end.
///
/// A statement may take as long as its limit allows, and nothing can take it off its thread. So a turn that is not over
/// within `longTurn` while lanes wait stops counting: another thread takes its place, and the operating system shares the
/// cores. A few databases that ask long questions therefore hold up nobody but themselves. `longThreads` bounds how many
/// turns may be long at once; with more of them, lanes wait as they would in a pool of a fixed size.
public final class EnginePool: Sendable {
    /// Jobs a lane runs before the next waiting lane gets the thread.
    static let jobsPerTurn = 16
    /// Enough for SQLite's deepest permitted expression; only touched pages are ever resident.
    private static let stackBytes = 8 << 20

    private struct State {
        /// Lanes with work, the one that waited longest first. A lane is in here at most once.
        var ready = Deque<EngineLane>()
        /// One for each thread that lives.
        var turns: [EngineTurn] = []
        /// Of them, those in a turn that counts as long.
        var longTurns = 0
        /// Threads ever made, for their names.
        var threadsMade = 0
        /// Looks for long turns; asleep while no lane waits.
        var isWatching = false
        var isShuttingDown = false
        var awaitingEnd: [CheckedContinuation<Void, Never>] = []

        var isStuck: Bool { !ready.isEmpty && !isWatching && !isShuttingDown && turns.allSatisfy { $0.isUnderWay } }
    }

    private let threads: Int
    private let longThreads: Int
    private let longTurn: Duration
    private let name: String
    private let state = Mutex(State())
    /// Where turns run instead of on threads of the pool.
    private let turns: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
    /// Signalled once per element put into `ready`, and once per thread at shutdown.
    private let wakeUps = DispatchSemaphore(value: 0)
    /// Signalled when lanes wait and every thread is in a turn, and at shutdown.
    private let watch = DispatchSemaphore(value: 0)

    /// Starts `threads` threads at once; they sleep while there is no work.
    ///
    /// - Parameters:
    ///   - threads: at least 1.
    ///   - longThreads: threads added, at most, while turns are long; 0 for a pool of a fixed size.
    ///   - longTurn: after how long a turn counts as long, while lanes wait.
    ///   - name: what `top` shows, with the thread's number; Linux keeps 15 bytes of the whole.
    public init(threads: Int, longThreads: Int = 64, longTurn: Duration = .milliseconds(100), name: String = "engine") {
        invariant(threads > 0, "a pool without threads would never run anything")
        invariant(longThreads >= 0 && longTurn > .zero, "a turn becomes long after some time, and then has a thread or not")
        self.threads = threads
        self.longThreads = longThreads
        self.longTurn = longTurn
        self.name = name
        turns = nil
        state.withLock { state in
            for _ in 0..<threads { addThread(&state) }
        }
        if longThreads > 0 { Thread.start(named: "\(name)-watch", watchTurns) }
    }

    /// A pool without threads: a lane that has work gets each of its turns by one call of `turns`.
    ///
    /// For a simulation, which decides the order in which everything runs.
    public init(turns: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        threads = 0
        longThreads = 0
        longTurn = .zero
        name = ""
        self.turns = turns
    }

    /// Threads that run lanes or wait for one.
    var liveThreads: Int { state.withLock { $0.turns.count } }

    /// A new serial lane. While idle it costs its object: no thread, no timer, no descriptor.
    public func makeLane() -> EngineLane { EngineLane(pool: self) }

    /// Ends the threads after the work already queued, and returns when the last has ended.
    ///
    /// A lane used after that still works: a thread is made for the occasion, so that no task is left waiting for ever.
    /// Calling it again only waits.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            let (threadsToWake, alreadyEnded) = state.withLock { state -> (Int, Bool) in
                guard !state.turns.isEmpty else { return (0, true) }
                state.awaitingEnd.append(continuation)
                guard !state.isShuttingDown else { return (0, false) }
                state.isShuttingDown = true
                return (state.turns.count, false)
            }
            for _ in 0..<threadsToWake { wakeUps.signal() }
            if threadsToWake > 0 { watch.signal() }
            if alreadyEnded { continuation.resume() }
        }
    }

    /// Puts a lane that has work at the end of the queue.
    func makeReady(_ lane: EngineLane) {
        if let turns {
            turns { if lane.runTurn(jobs: Self.jobsPerTurn) { self.makeReady(lane) } }
            return
        }
        let (isQueued, isStuck) = state.withLock { state -> (Bool, Bool) in
            guard !state.turns.isEmpty else { return (false, false) }
            state.ready.append(lane)
            return (true, Self.beginWatching(&state))
        }
        if isStuck { watch.signal() }
        if isQueued {
            wakeUps.signal()
        } else {
            Thread { while lane.runTurn(jobs: Self.jobsPerTurn) {} }.start()
        }
    }

    // MARK: - A thread

    private func addThread(_ state: inout State) {
        let turn = EngineTurn()
        state.turns.append(turn)
        Thread.start(named: "\(name)-\(state.threadsMade)", stackBytes: Self.stackBytes) { self.serveLanes(turn) }
        state.threadsMade += 1
    }

    private func serveLanes(_ turn: EngineTurn) {
        while let lane = nextLane(turn) {
            let isLeft = lane.runTurn(jobs: Self.jobsPerTurn)
            let wasLong = turn.end()
            if isLeft { makeReady(lane) }
            if wasLong && isSurplus(turn) { return }
        }
    }

    /// `nil` tells the calling thread to end: it has consumed a signal of `shutdown()` and found no work.
    private func nextLane(_ turn: EngineTurn) -> EngineLane? {
        wakeUps.wait()
        let (lane, isStuck, ended) = state.withLock { state -> (EngineLane?, Bool, [CheckedContinuation<Void, Never>]) in
            if let lane = state.ready.popFirst() {
                turn.begin()
                return (lane, Self.beginWatching(&state), [])
            }
            invariant(state.isShuttingDown, "a thread was woken for a lane that nobody had made ready")
            state.turns.removeAll { $0 === turn }
            guard state.turns.isEmpty else { return (nil, false, []) }
            defer { state.awaitingEnd = [] }
            return (nil, false, state.awaitingEnd)
        }
        if isStuck { watch.signal() }
        for continuation in ended { continuation.resume() }
        return lane
    }

    /// Takes a long turn, now over, out of the account.
    ///
    /// - Returns: whether the pool has enough threads without the calling one, which must then end.
    private func isSurplus(_ turn: EngineTurn) -> Bool {
        let (isSurplus, isStuck) = state.withLock { state -> (Bool, Bool) in
            state.longTurns -= 1
            invariant(state.longTurns >= 0, "more long turns ended than began")
            guard !state.isShuttingDown, state.turns.count - state.longTurns > threads else { return (false, false) }
            state.turns.removeAll { $0 === turn }
            return (true, Self.beginWatching(&state))
        }
        if isStuck { watch.signal() }
        return isSurplus
    }

    // MARK: - The watcher of long turns

    /// Called wherever a lane begins to wait or a thread becomes busy: without the watcher nobody would see to it.
    ///
    /// - Returns: whether the watcher must be woken.
    private static func beginWatching(_ state: inout State) -> Bool {
        guard state.isStuck else { return false }
        state.isWatching = true
        return true
    }

    private func watchTurns() {
        let interval = DispatchTimeInterval.nanoseconds(Int((longTurn / .nanoseconds(1)).rounded()))
        watch.wait()
        while true {
            let seen = state.withLock { state in state.turns.compactMap { turn in turn.unmarked.map { (turn, $0) } } }
            // A time that runs out is the usual case; a signal can only be that of the shutdown.
            _ = watch.wait(timeout: .now() + interval)
            enum Next { case look, sleep, end }
            let next = state.withLock { state -> Next in
                if state.isShuttingDown { return .end }
                guard !state.ready.isEmpty else {
                    state.isWatching = false
                    return .sleep
                }
                for (turn, number) in seen where state.longTurns < longThreads && turn.mark(number) {
                    state.longTurns += 1
                    if state.turns.count - state.longTurns < threads { addThread(&state) }
                }
                return .look
            }
            switch next {
            case .look: continue
            case .sleep: watch.wait()
            case .end: return
            }
        }
    }
}
