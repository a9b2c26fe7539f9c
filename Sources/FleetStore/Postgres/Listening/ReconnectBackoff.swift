import FleetModel

/// How long to wait before connecting again: doubling with full jitter, so that a fleet does not return as one.
struct ReconnectBackoff {
    /// The upper bound of the first wait.
    var first: Duration = .milliseconds(100)
    /// The upper bound of every wait.
    var longest: Duration = .seconds(5)
    private var failures = 0

    init(first: Duration = .milliseconds(100), longest: Duration = .seconds(5)) {
        invariant(.zero < first && first <= longest, "the first wait is none, or longer than the longest")
        self.first = first
        self.longest = longest
    }

    mutating func succeeded() { failures = 0 }

    /// Between half of the current bound and the bound.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        // 2^20 exceeds every sensible ratio of the two bounds.
        let bound = min(longest, first * (1 << min(failures, 20)))
        failures += 1
        return bound * Double.random(in: 0.5...1, using: &generator)
    }
}
