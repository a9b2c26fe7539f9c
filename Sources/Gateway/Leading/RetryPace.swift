import FleetModel

/// How long to wait before asking a node again that was not ready: at once, then longer and longer.
struct RetryPace: Sendable {
    private static let first = Duration.milliseconds(5)
    private static let longest = Duration.milliseconds(250)

    private var upcoming = Duration.zero
    /// The last wait for news was none.
    private var wasVain = false

    /// The next pause. A move takes milliseconds, so the first ones are short.
    mutating func next() -> Duration {
        invariant(upcoming <= Self.longest, "a pause is longer than the longest")
        defer { upcoming = upcoming == .zero ? Self.first : min(upcoming * 2, Self.longest) }
        return upcoming
    }

    /// Whether two waits in a row ended as soon as they began: one may be news, two are none.
    mutating func isWaitingInVain(_ hasWaited: Bool) -> Bool {
        defer { wasVain = !hasWaited }
        return wasVain && !hasWaited
    }
}
