public struct ManagerSettings: Sendable {
    /// How often sessions are read; a silent one is noticed at most this much after its TTL.
    public var pollInterval: Duration = .milliseconds(250)
    /// How often placements are compared with living nodes when no hint comes.
    public var auditInterval: Duration = .seconds(2)
    /// How long a node may be without a session before databases nobody leads are placed elsewhere. A restart is shorter.
    public var absenceGrace: Duration = .seconds(15)
    /// How long a node whose worker died, and whose supervisor lives, may come back before its databases are placed elsewhere: what it
    /// acknowledged and had not shipped is on its disk.
    public var firstChance: Duration = .milliseconds(500)
    /// How long the worker must have lived: one that dies again and again gets no first chance.
    public var firstChanceAfter: Duration = .seconds(10)
    /// Databases placed anew by one statement.
    public var placementBatch = 5_000
    /// Moves a drain has under way at a time.
    public var drainParallelism = 64
    /// How long a holder that is asked for a handover may take before a failover revokes its session.
    public var handoverTimeout: Duration = .seconds(10)
    /// How long a move may take before it is taken back.
    public var moveTimeout: Duration = .seconds(120)
    /// How long after a session's end its unpublished objects are left alone.
    public var sweepGrace: Duration = .seconds(3600)
    public var sweepInterval: Duration = .seconds(60)
    /// How long an idempotency key is remembered.
    public var idempotencyHours = 24

    public init() {}
}
