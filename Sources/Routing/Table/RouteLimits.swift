/// Bounds of a route table: memory, staleness and how often the store is asked.
public struct RouteLimits: Sendable, Hashable {
    /// Names whose route is kept; the least recently used one gives way.
    public var routes = 100_000
    /// Names known not to exist that are kept.
    public var misses = 10_000
    /// How long “there is no such database” is believed.
    public var missLifetime = Duration.seconds(1)
    /// Callers that may wait for a leader at once.
    public var waiters = 4096
    /// While someone waits for a leader the store is asked this often, whatever hints arrive or get lost.
    public var lookInterval = Duration.milliseconds(500)

    public init() {}
}
