/// When to stop waiting for one statement.
///
/// Counts time spent suspended, like every clock a lease depends on.
struct StatementDeadline {
    let timeout: Duration
    private let end: ContinuousClock.Instant

    init(after timeout: Duration) {
        self.timeout = timeout
        self.end = ContinuousClock.now + timeout
    }

    /// For `poll(2)`: rounded up, so that a wait never ends before the deadline only to wait again for nothing; 0 when over.
    var remainingMilliseconds: Int32 {
        let left = end - ContinuousClock.now
        guard left > .zero else { return 0 }
        return Int32(clamping: (left + .microseconds(999)).wholeMilliseconds)
    }
}

extension Duration {
    /// Rounded towards zero; saturating.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? .max : product &+ attoseconds / 1_000_000_000_000_000
    }
}
