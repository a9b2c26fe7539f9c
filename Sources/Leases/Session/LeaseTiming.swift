import FleetModel

/// The times of rule 1.
public struct LeaseTiming: Sendable, Hashable {
    /// How long a session lives without a renewal.
    public var ttl: Duration

    public init(ttl: Duration = .seconds(5)) { self.ttl = ttl }

    /// How much earlier than the TTL the holder stops: covers drift between two clocks and the way of a reply.
    public var margin: Duration { ttl / 10 + .milliseconds(100) }

    /// How often the holder renews, before jitter.
    public var renewalInterval: Duration { ttl / 3 }
}
