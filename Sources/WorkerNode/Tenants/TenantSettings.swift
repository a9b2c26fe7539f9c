public import EngineHost

/// Limits of every database on a node.
@dynamicMemberLookup
public struct TenantSettings: Sendable {
    /// Those that its host keeps.
    public var host = HostSettings()
    /// How old the oldest unshipped commit may become before writes are pushed back, apart from the time for which the database's
    /// own statements kept the shipper waiting.
    public var maximumShipLag: Duration = .seconds(5)
    /// How long an acknowledgement may wait for the bucket before its outcome is reported as unknown.
    public var publishTimeout: Duration = .seconds(30)
    /// How long a planned move waits for an open transaction.
    public var drainTimeout: Duration = .seconds(5)
    /// How long an unused database keeps its files open.
    public var idleTimeout: Duration = .seconds(300)
    /// Waiting time after a capture that failed for want of something, doubled with each one up to the second value.
    public var captureRetryDelay: ClosedRange<Duration> = .milliseconds(50)...(.seconds(1))
    /// Waiting time after an attempt to open what a host left that ended, doubled with each one up to the second value.
    public var reopenDelay: ClosedRange<Duration> = .milliseconds(500)...(.seconds(30))
    /// How long a database of which the published state does not open is not tried again. A try restores it whole.
    public var unopenableRetry: Duration = .seconds(300)
    /// How long the search for an older state that opens waits when the bucket or the disk fails it.
    public var searchRetry: Duration = .seconds(5)

    public init() {}

    public subscript<Value>(dynamicMember member: WritableKeyPath<HostSettings, Value>) -> Value {
        get { host[keyPath: member] }
        set { host[keyPath: member] = newValue }
    }
}
