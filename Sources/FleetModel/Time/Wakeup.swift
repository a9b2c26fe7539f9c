import Synchronization

/// Lets one waiter sleep until something happened or a deadline passed, whichever is first.
///
/// A signal given while nobody waits is kept for the next wait, so nothing is missed between two of them.
public final class Wakeup: Sendable {
    private enum State {
        case idle
        case signalled
        case waiting(AsyncStream<Void>.Continuation)
    }

    private let state = Mutex(State.idle)

    public init() {}

    /// Ends the current wait, or the next one.
    public func signal() {
        let waiter: AsyncStream<Void>.Continuation? = state.withLock { state in
            guard case .waiting(let waiter) = state else {
                state = .signalled
                return nil
            }
            state = .idle
            return waiter
        }
        waiter?.finish()
    }

    /// Returns after a signal, at `deadline` (for ever when `nil`), or when cancelled.
    public func wait(until deadline: Duration? = nil, clock: any FleetClock) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let proceed = state.withLock { state in
            if case .signalled = state {
                state = .idle
                return true
            }
            state = .waiting(continuation)
            return false
        }
        if proceed { return }
        if let deadline {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in stream {} }
                group.addTask { try? await clock.sleep(until: deadline) }
                await group.next()
                group.cancelAll()
            }
        } else {
            for await _ in stream {}
        }
        // Whoever ended the wait, a later signal must be kept.
        state.withLock { state in
            if case .waiting = state { state = .idle }
        }
    }
}
