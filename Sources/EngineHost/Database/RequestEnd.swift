import Engines
import FleetModel
import Synchronization

/// How a request ends before everything in it is done: its client leaves, its time is over, or its host needs the memory. What waits is withdrawn, what
/// runs is interrupted, and nothing more of it is begun.
final class RequestEnd: RunningRequest {
    private enum Reason {
        /// Nobody waits for the answer any more, or it is to be asked for elsewhere.
        case left
        /// Its host took too much memory, and this request had run for longest.
        case gaveWay
    }

    private struct State {
        var reason: Reason?
        /// Stops what is running now.
        var interrupt: (@Sendable () -> Void)?
    }

    /// When its time is over.
    let deadline: BootInstant
    private let clock: any FleetClock
    private let state = Mutex(State())
    /// An engine forgets an interrupt that comes before its statement has begun: it is told again.
    private static let interruptInterval = Duration.milliseconds(10)

    init(deadline: BootInstant, clock: any FleetClock) {
        self.deadline = deadline
        self.clock = clock
    }

    var isStopped: Bool { state.withLock { $0.reason != nil } }

    /// Nobody waits for the answer any more, or it is to be asked for elsewhere.
    func stop() { end(.left) }

    func giveWay() { end(.gaveWay) }

    private func end(_ reason: Reason) {
        let isRunning = state.withLock { state in
            // The first reason is what its client is told.
            state.reason = state.reason ?? reason
            state.interrupt?()
            return state.interrupt != nil
        }
        guard isRunning else { return }
        Task {
            repeat { try? await clock.sleep(for: Self.interruptInterval) } while interruptAgain()
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
        let reason = state.withLock { state in
            if state.reason == nil { state.interrupt = interrupt }
            return state.reason
        }
        if let reason { throw Self.error(of: reason) }
        // Under the lock: afterwards nothing of this statement can stop the next one.
        defer { state.withLock { $0.interrupt = nil } }
        do { return try body() } catch {
            guard error.isInterruption else { throw error }
            switch state.withLock({ $0.reason }) {
            case .gaveWay: throw Self.gaveWay
            case .left: throw error
            case nil:
                RareBranch.statementTimedOut.marked()
                throw error
            }
        }
    }

    /// - Throws: when nothing more of the request is to be begun.
    func check() throws(SQLError) {
        if let reason = state.withLock({ $0.reason }) { throw Self.error(of: reason) }
        if clock.instant() >= deadline { throw Self.timedOut }
    }

    private static func error(of reason: Reason) -> SQLError {
        switch reason {
        case .left: left
        case .gaveWay: gaveWay
        }
    }

    private static let left = SQLError(code: "STREAM_EXPIRED", message: "The client left.")
    private static let timedOut = SQLError(
        code: "REQUEST_TIMED_OUT",
        message: "The request has taken longer than a request may, and this statement was not begun. What came before it is done: send the rest in "
            + "further requests.")
    private static let gaveWay = SQLError(
        code: "MEMORY_EXCEEDED",
        message: "The process that runs the database's engine took more memory than it may, and of what it was running this had run for longest, so it was "
            + "stopped. This statement has changed nothing. If it was part of a transaction, begin that again; what came before is done. Ask for less at a time.")
}
