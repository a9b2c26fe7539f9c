import DequeModule
import Dispatch
import Foundation
import Synchronization

/// A fixed number of OS threads on which engines run.
///
/// SQLite and DuckDB block: their calls must occupy neither an event loop nor Swift's cooperative pool. Every database
/// gets an ``EngineLane`` of the pool; the lanes share its threads. `shutdown()` must be called for the threads to end.
public final class EnginePool: Sendable {
    /// Jobs a lane runs before the next waiting lane gets the thread.
    static let jobsPerTurn = 16
    /// Enough for SQLite's deepest permitted expression; only touched pages are ever resident.
    private static let stackBytes = 8 << 20

    private struct State {
        /// Lanes with work, the one that waited longest first. A lane is in here at most once.
        var ready = Deque<EngineLane>()
        var liveThreads: Int
        var isShuttingDown = false
        var awaitingEnd: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    /// Where turns run instead of on threads of the pool.
    private let turns: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
    /// Signalled once per element put into `ready`, and once per thread at shutdown.
    private let wakeUps = DispatchSemaphore(value: 0)

    /// Starts `threads` threads at once; they sleep while there is no work.
    ///
    /// - Parameters:
    ///   - threads: at least 1.
    ///   - name: what `top` shows, with the thread's number; Linux keeps 15 bytes of the whole.
    public init(threads: Int, name: String = "engine") {
        precondition(threads > 0, "a pool without threads would never run anything")
        state = Mutex(State(liveThreads: threads))
        turns = nil
        for index in 0..<threads {
            let isStarted = DispatchSemaphore(value: 0)
            let thread = Thread {
                // Foundation on Linux can name a thread only from inside, and only after `start()` has returned.
                isStarted.wait()
                Thread.current.name = "\(name)-\(index)"
                self.serveLanes()
            }
            thread.stackSize = Self.stackBytes
            thread.start()
            isStarted.signal()
        }
    }

    /// A pool without threads: a lane that has work gets each of its turns by one call of `turns`.
    ///
    /// For a simulation, which decides the order in which everything runs.
    public init(turns: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        state = Mutex(State(liveThreads: 0))
        self.turns = turns
    }

    /// A new serial lane. While idle it costs its object: no thread, no timer, no descriptor.
    public func makeLane() -> EngineLane { EngineLane(pool: self) }

    /// Ends the threads after the work already queued, and returns when the last has ended.
    ///
    /// A lane used after that still works: a thread is made for the occasion, so that no task is left waiting for ever.
    /// Calling it again only waits.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            let (threadsToWake, alreadyEnded) = state.withLock { state -> (Int, Bool) in
                guard state.liveThreads > 0 else { return (0, true) }
                state.awaitingEnd.append(continuation)
                guard !state.isShuttingDown else { return (0, false) }
                state.isShuttingDown = true
                return (state.liveThreads, false)
            }
            for _ in 0..<threadsToWake { wakeUps.signal() }
            if alreadyEnded { continuation.resume() }
        }
    }

    /// Puts a lane that has work at the end of the queue.
    func makeReady(_ lane: EngineLane) {
        if let turns {
            turns { if lane.runTurn(jobs: Self.jobsPerTurn) { self.makeReady(lane) } }
            return
        }
        let isQueued = state.withLock { state in
            guard state.liveThreads > 0 else { return false }
            state.ready.append(lane)
            return true
        }
        if isQueued {
            wakeUps.signal()
        } else {
            Thread { while lane.runTurn(jobs: Self.jobsPerTurn) {} }.start()
        }
    }

    private func serveLanes() {
        while let lane = nextLane() {
            if lane.runTurn(jobs: Self.jobsPerTurn) { makeReady(lane) }
        }
    }

    /// `nil` tells the calling thread to end: it has consumed a signal of `shutdown()` and found no work.
    private func nextLane() -> EngineLane? {
        wakeUps.wait()
        let (lane, ended) = state.withLock { state -> (EngineLane?, [CheckedContinuation<Void, Never>]) in
            if let lane = state.ready.popFirst() { return (lane, []) }
            state.liveThreads -= 1
            guard state.liveThreads == 0 else { return (nil, []) }
            defer { state.awaitingEnd = [] }
            return (nil, state.awaitingEnd)
        }
        for continuation in ended { continuation.resume() }
        return lane
    }
}
