/// A database is not opened for some time, because it ended the processes that run its engine again and again.
public struct Quarantined: Sendable, Hashable {
    /// What happened the last time, and at what; for people.
    public var reason: String
    /// From now on. Not positive when it is over: then it is opened again, beside no other database.
    public var remaining: Duration
    /// How often it was refused so far: each time lasts twice as long.
    public var refusals: Int

    public init(reason: String, remaining: Duration, refusals: Int) {
        self.reason = reason
        self.remaining = remaining
        self.refusals = refusals
    }

    /// What a client of the database is told.
    public func error(_ name: DatabaseName) -> BerthError {
        let seconds = max(1, Int(remaining.millisecondsRoundedUp / 1_000) + 1)
        return BerthError(
            .quarantined,
            "The database \(name) is not opened for another \(seconds) s: \(reason). It ended the process that runs "
                + "its engine again and again; find the statement and do not send it any more.",
            retryAfter: seconds)
    }
}
