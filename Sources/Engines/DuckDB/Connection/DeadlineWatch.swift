import FleetModel
import Synchronization

/// Interrupts statements at their deadlines: one alarm of its clock for all connections, set only while it is needed.
final class DeadlineWatch: Sendable {
    /// By the machine's clock.
    static let machine = DeadlineWatch(BootClock())

    let clock: any FleetClock
    private let state = Mutex(StatementDeadlines<DuckDBInterrupter>())

    init(_ clock: any FleetClock) { self.clock = clock }

    /// Runs `body`, and interrupts its connection when it has not returned by `deadline`.
    ///
    /// - Returns: what `body` returned, and whether it was interrupted.
    func watch<Value>(
        _ interrupter: DuckDBInterrupter, until deadline: BootInstant?, _ body: () -> Value
    ) -> (Value, timedOut: Bool) {
        guard let deadline else { return (body(), false) }
        let (ticket, alarm) = state.withLock { ($0.begin(interrupter, until: deadline), $0.nextAlarm()) }
        if let alarm { set(alarm) }
        let value = body()
        // Under the lock of `ring()`: afterwards nothing of this statement can stop the next one.
        return (value, state.withLock { $0.end(ticket) })
    }

    private func set(_ alarm: BootInstant) { clock.call(at: alarm) { [self] in ring() } }

    private func ring() {
        let now = clock.instant()
        let alarm = state.withLock { state in
            for interrupter in state.due(at: now) { interrupter.interrupt() }
            return state.nextAlarm()
        }
        if let alarm { set(alarm) }
    }
}

/// Which statements are to be interrupted when, and when that has to be looked at next: a value without I/O.
struct StatementDeadlines<Interrupter> {
    private struct Watched {
        var deadline: BootInstant
        let interrupter: Interrupter
        var isDue = false
    }

    private var running: [UInt64: Watched] = [:]
    private var lastTicket: UInt64 = 0
    /// The earliest alarm that is set.
    private var alarm: BootInstant?

    /// DuckDB forgets an interrupt that comes before the statement has begun: it is told again.
    static var interval: Duration { .milliseconds(10) }

    /// A statement begins.
    ///
    /// - Returns: its ticket.
    mutating func begin(_ interrupter: Interrupter, until deadline: BootInstant) -> UInt64 {
        lastTicket += 1
        running[lastTicket] = Watched(deadline: deadline, interrupter: interrupter)
        return lastTicket
    }

    /// A statement ended.
    ///
    /// - Returns: whether it was interrupted.
    mutating func end(_ ticket: UInt64) -> Bool { running.removeValue(forKey: ticket)?.isDue ?? false }

    /// An alarm rings. One that comes too early does nothing but be set again.
    ///
    /// - Returns: those to interrupt now.
    mutating func due(at now: BootInstant) -> [Interrupter] {
        alarm = nil
        let tickets = running.filter { $0.value.deadline <= now }.keys.sorted()
        return tickets.compactMap { ticket in
            running[ticket]?.isDue = true
            running[ticket]?.deadline = now + Self.interval
            return running[ticket]?.interrupter
        }
    }

    /// - Returns: the alarm that is to be set, when none is set that rings as early.
    mutating func nextAlarm() -> BootInstant? {
        guard let next = running.values.lazy.map(\.deadline).min() else { return nil }
        if let alarm, alarm <= next { return nil }
        alarm = next
        return next
    }
}
