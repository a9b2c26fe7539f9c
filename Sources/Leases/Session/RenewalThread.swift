import Dispatch
public import FleetModel
import Foundation
import Synchronization

/// An OS thread of its own for what must never wait for the rest of the process: the renewals of a session, and the connection
/// they go over.
///
/// Swift's tasks share about as many threads as there are processors, and so do dispatch queues. A few restores that decode, or
/// anything else that computes for seconds, keep all of them busy, and a renewal that waits behind them is late although nothing
/// is wrong with the node. What runs here needs none of them, neither to go on after a reply nor to be woken by time.
///
/// It is the executor of an actor (``/Swift/SerialExecutor``) and of tasks that prefer it (``/Swift/TaskExecutor``, SE-0417), and
/// the source of its ``clock``.
public final class RenewalThread: SerialExecutor, TaskExecutor {
    private struct Sleeper {
        var deadline: Duration
        var wake: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var sleepers: [UInt64: Sleeper] = [:]
        var nextSleeper: UInt64 = 0
        var isEnding = false
    }

    /// What the thread does next.
    private enum Step {
        case run([UnownedJob])
        case wake([CheckedContinuation<Bool, Never>])
        case wait(Duration?)
        case end
    }

    private let state = Mutex(State())
    /// Signalled for everything the thread has to look at.
    private let signal = DispatchSemaphore(value: 0)
    private let time = BootClock()
    private let identity = Mutex<pthread_t?>(nil)

    /// Starts the thread at once; it sleeps while there is nothing to do.
    ///
    /// - Parameter name: what `top` shows; Linux keeps 15 bytes.
    public init(name: String = "renewals") {
        Thread.start(named: name) { [self] in
            identity.withLock { $0 = pthread_self() }
            work()
        }
    }

    /// Ends the thread, once what was asked of it is done. Nothing may be asked of it afterwards.
    public func end() {
        state.withLock { $0.isEnding = true }
        signal.signal()
    }

    /// The machine's clock, whose sleepers this thread wakes.
    public var clock: any FleetClock { ThreadClock(thread: self, time: time) }

    // MARK: Executing

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { state in
            invariant(!state.isEnding || isCurrent, "a task was given to a thread that has ended")
            state.jobs.append(job)
        }
        signal.signal()
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func checkIsolated() { invariant(isCurrent, "called from another thread than the one for renewals") }

    private var isCurrent: Bool { identity.withLock { $0.map { pthread_equal($0, pthread_self()) != 0 } ?? false } }

    private func work() {
        while true {
            switch nextStep() {
            case .run(let jobs):
                for job in jobs { job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor()) }
            case .wake(let sleepers):
                for sleeper in sleepers { sleeper.resume(returning: true) }
            case .wait(nil):
                signal.wait()
            case .wait(let duration?):
                _ = signal.wait(timeout: .now() + .nanoseconds(Int(clamping: duration.nanoseconds)))
            case .end:
                return
            }
        }
    }

    private func nextStep() -> Step {
        state.withLock { state in
            if !state.jobs.isEmpty {
                defer { state.jobs = [] }
                return .run(state.jobs)
            }
            let now = time.now()
            let due = state.sleepers.filter { $0.value.deadline <= now }.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
            if !due.isEmpty {
                for sleeper in due { state.sleepers[sleeper.key] = nil }
                return .wake(due.map(\.value.wake))
            }
            if state.isEnding { return .end }
            return .wait(state.sleepers.values.map { $0.deadline - now }.min())
        }
    }

    // MARK: Sleeping

    private struct ThreadClock: FleetClock {
        let thread: RenewalThread
        let time: BootClock

        func now() -> Duration { time.now() }
        func sleep(until deadline: Duration) async throws { try await thread.sleep(until: deadline) }
    }

    private func sleep(until deadline: Duration) async throws {
        let id = state.withLock { state in
            state.nextSleeper += 1
            return state.nextSleeper
        }
        let isDue = await withTaskCancellationHandler {
            await withCheckedContinuation { wake in
                let isCancelled = state.withLock { state in
                    // Under the lock: a cancellation before this is seen here, one after it finds the sleeper.
                    if Task.isCancelled { return true }
                    state.sleepers[id] = Sleeper(deadline: deadline, wake: wake)
                    return false
                }
                if isCancelled { wake.resume(returning: false) } else { signal.signal() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.wake.resume(returning: false)
        }
        if !isDue { throw CancellationError() }
    }
}
