import FleetModel

/// What a node may ask of its bucket, all databases together.
public struct RequestBudget: Sendable, Hashable {
    /// Requests under way at once; others wait their turn.
    public var concurrentRequests = 64
    /// Attempts per call, the first included.
    public var attempts = 5
    /// The longest wait before the second attempt; it doubles with each further one.
    public var baseDelay: Duration = .milliseconds(100)
    /// The longest wait before any attempt.
    public var maximumDelay: Duration = .seconds(5)
    /// Failures in a row, over all requests, that open the circuit.
    public var circuitFailureThreshold = 10
    /// How long requests then fail at once instead of being made.
    /// Short: a node ships four bundles a second, and what waits for them is at risk.
    public var circuitOpenDuration: Duration = .seconds(1)

    public init() {}

    /// The longest wait after a failed attempt; the wait itself is chosen evenly between zero and this.
    ///
    /// - Parameter attempt: 1 for the first.
    func delayCeiling(afterAttempt attempt: Int) -> Duration {
        invariant(attempt >= 1, "attempts count from 1")
        // 2^20 is far beyond any maximum and far from an overflow.
        return min(maximumDelay, baseDelay * (1 << min(max(0, attempt - 1), 20)))
    }
}

/// The passing of time and chance, so that tests can replace both.
public struct RetryTiming: Sendable {
    /// Time since some fixed moment; never goes back.
    let now: @Sendable () -> Duration
    let sleep: @Sendable (Duration) async throws -> Void
    /// Evenly distributed in 0..<1.
    let random: @Sendable () -> Double

    public init(
        now: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    /// The system's.
    public static let system: RetryTiming = {
        let start = ContinuousClock.now
        return RetryTiming(
            now: { ContinuousClock.now - start },
            sleep: { try await Task.sleep(for: $0, clock: .continuous) },
            random: { Double.random(in: 0..<1) })
    }()
}
