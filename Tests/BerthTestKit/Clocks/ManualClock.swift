public import FleetModel
import Synchronization

/// A clock that stands still until a test moves it.
///
/// Whoever sleeps on it is woken by `advance(by:)` in the order of the deadlines, equal ones in the order they fell
/// asleep. `waitForSleepers` tells a test when those it started have got as far as sleeping.
public final class ManualClock: FleetClock {
    private struct Sleeper {
        var deadline: Duration
        var wake: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now: Duration
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var watchers: [(count: Int, resume: CheckedContinuation<Void, Never>)] = []

        mutating func watchersSatisfied() -> [CheckedContinuation<Void, Never>] {
            let count = sleepers.count
            let satisfied = watchers.filter { $0.count <= count }.map(\.resume)
            watchers.removeAll { $0.count <= count }
            return satisfied
        }
    }

    private let state: Mutex<State>

    public init(at now: Duration = .seconds(1000)) { state = Mutex(State(now: now)) }

    public func now() -> Duration { state.withLock { $0.now } }

    /// How many sleep now.
    public var sleepers: Int { state.withLock { $0.sleepers.count } }

    /// When the next sleeper is due; `nil` while nobody sleeps.
    public var nextDeadline: Duration? { state.withLock { $0.sleepers.values.map(\.deadline).min() } }

    /// Moves time forward and wakes everyone whose deadline has come.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "time does not go back")
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.value.wake)
        }
        for wake in due { wake.resume(returning: true) }
    }

    /// Returns once at least `count` sleep.
    public func waitForSleepers(_ count: Int) async {
        await withCheckedContinuation { resume in
            let satisfied = state.withLock { state in
                state.watchers.append((count, resume))
                return state.watchersSatisfied()
            }
            for resume in satisfied { resume.resume() }
        }
    }

    public func sleep(until deadline: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let woken = await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Bool, Never>) in
                let (atOnce, satisfied): (Bool?, [CheckedContinuation<Void, Never>]) = state.withLock { state in
                    // Under the lock: a cancellation before this is seen here, one after it finds the sleeper.
                    if Task.isCancelled { return (false, []) }
                    if state.now >= deadline { return (true, []) }
                    state.sleepers[id] = Sleeper(deadline: deadline, wake: wake)
                    return (nil, state.watchersSatisfied())
                }
                if let atOnce { wake.resume(returning: atOnce) }
                for resume in satisfied { resume.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.wake.resume(returning: false)
        }
        if !woken { throw CancellationError() }
    }
}
