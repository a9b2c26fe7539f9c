import FleetModel

/// Rules 3 and 10, for an observer: which sessions have been silent for so long that they are over.
///
/// A pure value: fed with readings of the session table and the observer's own clock, it says which sessions to end. How long
/// is too long is each session's own TTL; the observer has none.
public struct SessionObserver: Sendable {
    private struct Sighting {
        var renewals: Int64
        /// As its owner wrote it down.
        let ttl: Duration
        /// When the *reply* that first showed `renewals` was received. Never when it was asked for: a session
        /// may have been renewed between the two.
        var since: Duration
        /// When ending this session was first put off by the brake.
        var braked: Duration?
    }

    /// A session to end, provided it was not renewed since.
    public struct Verdict: Sendable, Hashable {
        public var session: SessionRecord
        public var silence: Duration
    }

    private var sightings: [SessionID: Sighting] = [:]
    /// When this observer's own connection to the store last failed.
    private var lastFailure: Duration?

    public init() {}

    /// The observer itself could not read: what looks like silence may be its own deafness.
    public mutating func readingFailed(at now: Duration) { lastFailure = now }

    /// Takes a reading of all live sessions whose reply was received at `now`.
    ///
    /// - Returns: the sessions to end now.
    public mutating func observe(_ live: [SessionRecord], receivedAt now: Duration) -> [Verdict] {
        let present = Set(live.map(\.id))
        sightings = sightings.filter { present.contains($0.key) }

        var silent: [SessionRecord] = []
        for session in live {
            let known = sightings[session.id]
            // It never changes. Should somebody change it in the table all the same, the owner goes on by one of the two: the longer counts.
            let ttl = max(session.ttl, known?.ttl ?? session.ttl)
            if let known, known.renewals == session.renewals, known.ttl == ttl {
                if now - known.since >= ttl { silent.append(session) }
            } else {
                sightings[session.id] = Sighting(renewals: session.renewals, ttl: ttl, since: now)
            }
        }
        guard !silent.isEmpty else { return [] }

        // Rule 10. What a common cause silences falls silent within one renewal interval, not at one moment: when the
        // first of them has been silent for a TTL, the others have missed a renewal. One session alone is no sign of
        // a common cause.
        let dying = live.count { session in
            sightings[session.id].map { now - $0.since >= session.ttl / 2 } ?? false
        }
        let many = dying > 1 && dying * 2 > live.count
        var verdicts: [Verdict] = []
        for session in silent {
            guard var sighting = sightings[session.id] else { continue }
            let deaf = lastFailure.map { now - $0 < session.ttl } ?? false
            if many || deaf {
                RareBranch.endingBraked.marked()
                let since = sighting.braked ?? now
                sighting.braked = since
                sightings[session.id] = sighting
                guard now - since >= session.ttl * 2 else { continue }
            }
            invariant(now - sighting.since >= session.ttl, "nobody is ended before its own TTL has passed")
            verdicts.append(Verdict(session: session, silence: now - sighting.since))
        }
        return verdicts
    }

    /// When the next session could be found silent; `nil` when none is known.
    public func nextVerdict() -> Duration? {
        sightings.values.map { $0.since + $0.ttl }.min()
    }
}
