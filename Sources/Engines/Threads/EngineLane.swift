import DequeModule
import FleetModel
import Synchronization

/// A serial executor on the threads of an ``EnginePool``: the executor of an actor that owns an engine.
///
/// Jobs of one lane run in the order they were enqueued and never two at a time, though not always on the same thread.
/// Lanes with work take turns, which count as their account's.
///
///     actor Tenant {
///         private let lane: EngineLane
///         nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
///     }
public final class EngineLane: SerialExecutor {
    /// Above this many jobs at once the queue's memory is given back when it has run empty.
    private static let queueWorthKeeping = 32

    private struct State {
        var jobs = Deque<UnownedJob>()
        /// In the pool's queue or running on one of its threads.
        var isScheduled = false
        var longestQueue = 0
    }

    private let pool: EnginePool
    /// Whose time it uses.
    let account: UInt64
    private let state = Mutex(State())

    init(pool: EnginePool, account: UInt64) {
        self.pool = pool
        self.account = account
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let becameReady = state.withLock { state in
            state.jobs.append(job)
            state.longestQueue = max(state.longestQueue, state.jobs.count)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if becameReady { pool.makeReady(self) }
    }

    /// Jobs that wait for their turn, without the one that is running.
    public var queuedJobs: Int { state.withLock { $0.jobs.count } }

    /// Nothing runs on it and nothing waits to.
    public var isIdle: Bool { state.withLock { !$0.isScheduled } }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Runs up to `jobs` jobs on the calling thread, the last of which begins within `time`.
    ///
    /// - Returns: whether work is left; the lane then still counts as scheduled, and the caller must run it again.
    func runTurn(jobs limit: Int, time: Duration? = nil) -> Bool {
        let end = time.map { BootInstant.now + $0 }
        for _ in 0..<limit {
            guard let job = nextJob() else { return false }
            job.runSynchronously(on: asUnownedSerialExecutor())
            if let end, BootInstant.now >= end { break }
        }
        return state.withLock { state in
            if state.jobs.isEmpty { Self.becomeIdle(&state) }
            return state.isScheduled
        }
    }

    private func nextJob() -> UnownedJob? {
        state.withLock { state in
            if let job = state.jobs.popFirst() { return job }
            Self.becomeIdle(&state)
            return nil
        }
    }

    private static func becomeIdle(_ state: inout State) {
        invariant(state.isScheduled && state.jobs.isEmpty, "a lane rests that has work, or rests already")
        state.isScheduled = false
        if state.longestQueue > queueWorthKeeping { state.jobs = Deque() }
        state.longestQueue = 0
    }
}
