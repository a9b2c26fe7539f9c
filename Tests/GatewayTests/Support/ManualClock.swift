import FleetModel
import Synchronization

/// A clock that stands still until a test moves it.
final class ManualClock: FleetClock {
    private struct State {
        var now: Duration
        var nextID = 0
        var sleepers: [Int: (deadline: Duration, wake: AsyncStream<Void>.Continuation)] = [:]
    }

    private let state: Mutex<State>

    init(at now: Duration = .seconds(1000)) { state = Mutex(State(now: now)) }

    func now() -> Duration { state.withLock { $0.now } }

    var sleepers: Int { state.withLock { $0.sleepers.count } }

    func sleep(until deadline: Duration) async throws {
        let (stream, wake) = AsyncStream.makeStream(of: Void.self)
        let id: Int? = state.withLock { state in
            guard deadline > state.now else { return nil }
            state.nextID += 1
            state.sleepers[state.nextID] = (deadline, wake)
            return state.nextID
        }
        guard let id else { return }
        for await _ in stream {}
        state.withLock { _ = $0.sleepers.removeValue(forKey: id) }
        try Task.checkCancellation()
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.wake)
        }
        for wake in due { wake.finish() }
    }
}

/// Lets other tasks run until `condition` holds. A test that waits in vain is ended by its time limit.
func eventually(_ condition: () async -> Bool) async {
    while !Task.isCancelled, !(await condition()) { try? await Task.sleep(for: .milliseconds(1)) }
}
