import FleetModel

/// The times of rule 1, all of one session: its owner writes the TTL down when it opens the session, and observers go by that.
public struct LeaseTiming: Sendable, Hashable {
    /// How long a session lives without a renewal.
    public let ttl: Duration

    public init(ttl: Duration = .seconds(5)) {
        self.ttl = ttl
        invariant(margin < ttl, "a gate of a session of \(ttl) would never open")
        invariant(ttl - margin > renewalInterval, "a session of \(ttl) would close its gate between two renewals")
    }

    /// How much earlier than the TTL the holder stops: covers drift between two clocks and the way of a reply.
    public var margin: Duration { ttl / 10 + .milliseconds(100) }

    /// How often the holder renews, before jitter.
    public var renewalInterval: Duration { ttl / 3 }
}
