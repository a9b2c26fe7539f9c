import Chaos
import FleetModel
import Synchronization

/// The clock of one process: it begins anywhere, runs a little fast or slow, and wakes sleepers a little late.
struct SimulatedClock: FleetClock {
    let scheduler: Scheduler
    let life: Life
    /// What it showed at the beginning.
    let offset: Duration
    /// Of its time to the simulation's.
    let rate: Double

    func now() -> Duration {
        scheduler.mayStandStill()
        return offset + scheduler.now * rate
    }

    /// Everybody agrees on the date; nothing is decided by it.
    func wallTime() -> Int64 { 1_700_000_000_000 + scheduler.now.milliseconds }

    func sleep(until deadline: Duration) async throws {
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                guard sleeper.begin(continuation) else { return continuation.resume(throwing: CancellationError()) }
                let late = scheduler.chance.duration(in: .zero ... .milliseconds(2))
                scheduler.after((deadline - offset) / rate - scheduler.now + late, on: life) {
                    sleeper.end()?.resume()
                }
            }
        } onCancel: {
            sleeper.cancel()?.resume(throwing: CancellationError())
        }
    }
}

/// One sleep: ended by time or by a cancellation, whichever is first.
private final class Sleeper: Sendable {
    private enum State {
        case new
        case asleep(UnsafeContinuation<Void, any Error>)
        case over
    }

    private let state = Mutex(State.new)

    /// - Returns: `false` when it was cancelled already.
    func begin(_ continuation: UnsafeContinuation<Void, any Error>) -> Bool {
        state.withLock { state in
            guard case .new = state else { return false }
            state = .asleep(continuation)
            return true
        }
    }

    func end() -> UnsafeContinuation<Void, any Error>? {
        state.withLock { state in
            defer { state = .over }
            if case .asleep(let continuation) = state { return continuation }
            return nil
        }
    }

    func cancel() -> UnsafeContinuation<Void, any Error>? { end() }
}
