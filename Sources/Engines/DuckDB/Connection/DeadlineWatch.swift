import Dispatch
import FleetModel
import Synchronization

/// Interrupts statements at their deadlines: one timer for all connections of the process, armed only while it is needed.
final class DeadlineWatch: Sendable {
    static let shared = DeadlineWatch()

    private struct Watched {
        var deadline: BootInstant
        var interrupter: DuckDBInterrupter
        var hasFired = false
    }
    private struct State {
        var running: [UInt64: Watched] = [:]
        var lastTicket: UInt64 = 0
        var armedFor: BootInstant?
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "berth.duckdb.deadlines")

    /// Runs `body`, and interrupts its connection when it has not returned by `deadline`.
    ///
    /// - Returns: what `body` returned, and whether it was interrupted.
    func watch<Value>(
        _ interrupter: DuckDBInterrupter, until deadline: BootInstant?, _ body: () -> Value
    ) -> (Value, timedOut: Bool) {
        guard let deadline else { return (body(), false) }
        let ticket = begin(interrupter, deadline)
        let value = body()
        // Under the lock of `fire()`: afterwards nothing of this statement can stop the next one.
        let watched = state.withLock { $0.running.removeValue(forKey: ticket) }
        return (value, watched?.hasFired ?? false)
    }

    private func begin(_ interrupter: DuckDBInterrupter, _ deadline: BootInstant) -> UInt64 {
        state.withLock { state in
            state.lastTicket += 1
            state.running[state.lastTicket] = Watched(deadline: deadline, interrupter: interrupter)
            arm(&state)
            return state.lastTicket
        }
    }

    /// Arms the timer for the earliest deadline. A timer that comes too early does nothing but arm again.
    private func arm(_ state: inout State) {
        guard let next = state.running.values.lazy.map(\.deadline).min() else { return }
        if let armed = state.armedFor, armed <= next { return }
        state.armedFor = next
        let delay = max(.zero, next - .now).components
        let nanoseconds = Int(delay.seconds) * 1_000_000_000 + Int(delay.attoseconds / 1_000_000_000)
        queue.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [self] in fire() }
    }

    /// Deadlines may have passed ahead of their time: ``EarlyEnd``.
    func lookNow() { queue.async { [self] in fire() } }

    private func fire() {
        state.withLock { state in
            state.armedFor = nil
            let now = BootInstant.now
            for (ticket, watched) in state.running where EarlyEnd.isDue(watched.deadline, at: now) {
                watched.interrupter.interrupt()
                state.running[ticket]?.hasFired = true
                // Once more if need be: DuckDB forgets an interrupt that comes before the statement has begun.
                state.running[ticket]?.deadline = now + .milliseconds(10)
            }
            arm(&state)
        }
    }
}
