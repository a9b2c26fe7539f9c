import FleetModel

/// Which work ends its host: a pure value.
///
/// An engine is interrupted at its deadline by whoever gave it the work. What goes on for long after it cannot be interrupted at all: a function that
/// computes for hours, a statement that compiles for ever. How long is counted in looks, not by the clock: a process that was stopped, and goes on, had
/// no time to interrupt anything.
package struct OverdueWorks {
    /// Looks at which work may be seen after its deadline.
    let limit: Int
    /// Looks at which work that is being carried out was seen after its deadline, by its number.
    private var seen: [UInt64: Int] = [:]

    package init(_ limits: HostLimits) { self.init(grace: limits.watchdogGrace, interval: limits.watchdogInterval) }

    /// - Parameters:
    ///   - grace: how long work may go on after its deadline.
    ///   - interval: between two looks.
    init(grace: Duration, interval: Duration) {
        invariant(interval > .zero, "nobody looks for work that does not end")
        limit = max(1, Int((grace / interval).rounded(.up)))
    }

    /// - Parameter works: everything that is being carried out.
    /// - Returns: the work for which the host has to end.
    mutating func look(at works: [ExecutionBoard.Work], now: BootInstant) -> ExecutionBoard.Work? {
        var late: [UInt64: Int] = [:]
        for work in works where work.deadline.map({ $0 < now }) ?? false { late[work.number] = (seen[work.number] ?? 0) + 1 }
        seen = late
        return works.first { late[$0.number].map { $0 > limit } ?? false }
    }
}
