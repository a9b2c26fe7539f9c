import FleetModel
import Synchronization

/// How a request ends before everything in it is done: its client leaves, or its time is over. What waits is withdrawn, what runs is interrupted,
/// and nothing more of it is begun.
final class RequestEnd: Sendable {
    private struct State {
        var isStopped = false
        /// Stops what is running now.
        var interrupt: (@Sendable () -> Void)?
    }

    /// When its time is over.
    let deadline: BootInstant
    private let state = Mutex(State())
    /// An engine forgets an interrupt that comes before its statement has begun: it is told again.
    private static let interruptInterval = Duration.milliseconds(10)

    init(deadline: BootInstant) { self.deadline = deadline }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Nobody waits for the answer any more, or it is to be asked for elsewhere.
    func stop() {
        let isRunning = state.withLock { state in
            state.isStopped = true
            state.interrupt?()
            return state.interrupt != nil
        }
        guard isRunning else { return }
        Task {
            repeat { try? await Task.sleep(for: Self.interruptInterval) } while interruptAgain()
        }
    }

    private func interruptAgain() -> Bool {
        state.withLock { state in
            state.interrupt?()
            return state.interrupt != nil
        }
    }

    /// Runs `body`, which `interrupt` stops, from any thread, at any time until it returns.
    func interruptible<Value>(
        _ interrupt: @escaping @Sendable () -> Void, _ body: () throws(SQLError) -> Value
    ) throws(SQLError) -> Value {
        try check()
        let isOver = state.withLock { state in
            if !state.isStopped { state.interrupt = interrupt }
            return state.isStopped
        }
        if isOver { throw Self.left }
        // Under the lock: afterwards nothing of this statement can stop the next one.
        defer { state.withLock { $0.interrupt = nil } }
        return try body()
    }

    /// - Throws: when nothing more of the request is to be begun.
    func check() throws(SQLError) {
        if state.withLock({ $0.isStopped }) { throw Self.left }
        if BootInstant.now >= deadline { throw Self.timedOut }
    }

    private static let left = SQLError(code: "STREAM_EXPIRED", message: "The client left.")
    private static let timedOut = SQLError(
        code: "REQUEST_TIMED_OUT",
        message: "The request has taken longer than a request may, and this statement was not begun. What came before it is done: send the rest in "
            + "further requests.")
}
