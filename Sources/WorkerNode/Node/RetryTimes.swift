import FleetModel

/// When what failed for one database may be tried again: later with each failure in a row, so that it neither keeps the
/// node busy nor takes the place of others.
struct RetryTimes {
    private struct Failure {
        var count: Int
        var notBefore: Duration
    }

    private let delays: ClosedRange<Duration>
    private var failures: [DatabaseID: Failure] = [:]

    /// - Parameter delays: after the first failure, and at most.
    init(delays: ClosedRange<Duration>) { self.delays = delays }

    func mayTry(_ database: DatabaseID, at now: Duration) -> Bool {
        failures[database].map { $0.notBefore <= now } ?? true
    }

    mutating func failed(_ database: DatabaseID, at now: Duration) {
        let count = (failures[database]?.count ?? 0) + 1
        let delay = min(delays.lowerBound * (1 << min(count - 1, 20)), delays.upperBound)
        failures[database] = Failure(count: count, notBefore: now + delay)
    }

    mutating func succeeded(_ database: DatabaseID) { failures[database] = nil }
}
