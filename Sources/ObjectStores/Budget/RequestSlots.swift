import FleetModel
import Synchronization

/// Lets so many requests through at once; the others wait in line.
final class RequestSlots: Sendable {
    private struct Waiting {
        let id: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var free: Int
        var waiting: [Waiting] = []
        var lastID = 0
    }

    private let state: Mutex<State>
    private let count: Int

    init(_ count: Int) {
        self.count = max(1, count)
        state = Mutex(State(free: self.count))
    }

    /// Waits for a slot. Whoever gets one gives it back with ``release()``.
    ///
    /// - Throws: `CancellationError`.
    func acquire() async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.withLock { state in
                    // A cancellation before this found nobody waiting; one after it will.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.free > 0 {
                        state.free -= 1
                        return .success(())
                    }
                    state.waiting.append(Waiting(id: id, continuation: continuation))
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let cancelled = state.withLock { state -> Waiting? in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
            }
            cancelled?.continuation.resume(throwing: CancellationError())
        }
    }

    func release() {
        let next = state.withLock { state -> Waiting? in
            invariant(state.waiting.isEmpty || state.free == 0, "a request waits for a slot that is free")
            if state.waiting.isEmpty {
                invariant(state.free < count, "a slot is given back twice")
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.continuation.resume()
    }
}
