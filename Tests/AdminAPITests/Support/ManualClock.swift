import FleetModel
import Synchronization

/// A clock that stands still until it is advanced.
final class ManualClock: FleetClock {
    private struct State {
        var now = Duration.seconds(1)
        var nextID = 0
        var sleepers: [Int: (deadline: Duration, wake: CheckedContinuation<Bool, Never>)] = [:]
        var onSleep: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func now() -> Duration { state.withLock { $0.now } }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.wake)
        }
        for wake in due { wake.resume(returning: true) }
    }

    /// Returns once somebody sleeps.
    func someoneSleeps() async {
        await withCheckedContinuation { continuation in
            let isTrue = state.withLock { state in
                if state.sleepers.isEmpty { state.onSleep.append(continuation) }
                return !state.sleepers.isEmpty
            }
            if isTrue { continuation.resume() }
        }
    }

    func sleep(until deadline: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let hasSlept = await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Bool, Never>) in
                let (atOnce, watchers): (Bool?, [CheckedContinuation<Void, Never>]) = state.withLock { state in
                    if Task.isCancelled { return (false, []) }
                    if state.now >= deadline { return (true, []) }
                    state.sleepers[id] = (deadline, wake)
                    defer { state.onSleep = [] }
                    return (nil, state.onSleep)
                }
                if let atOnce { wake.resume(returning: atOnce) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.wake.resume(returning: false)
        }
        if !hasSlept { throw CancellationError() }
    }
}
