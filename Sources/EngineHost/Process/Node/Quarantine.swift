public import FleetModel

/// Databases that were being carried out when their hosts died: a pure value.
///
/// A database that ends its host twice within `window` gets a host of its own, so that nobody else is there the next time; one that does it again is
/// not opened for some time, which doubles with every further death. A database that has been well for `window` after its last refusal is forgotten.
public struct Quarantine: Sendable, Hashable {
    public enum Verdict: Sendable, Hashable {
        case none
        /// In a host of its own.
        case alone
        /// Not before `until`, on the clock of whoever asks.
        case refused(Quarantined)
    }

    private struct Record: Sendable, Hashable {
        var deaths: [Duration] = []
        var refusals = 0
        var until: Duration = .zero
        var reason = ""
    }

    /// How long a death counts. Default 10 min.
    public var window: Duration = .seconds(600)
    /// Deaths after which a database has a host of its own, and after which it is refused.
    public var aloneAfter = 2
    public var refusedAfter = 3
    /// How long it is refused the first time, and at most.
    public var refusal: Duration = .seconds(60)
    public var longestRefusal: Duration = .seconds(3_600)

    private var records: [DatabaseID: Record] = [:]

    public init() {}

    /// A host died while it carried out something of `database`.
    ///
    /// - Parameter reason: what happened, and at what; for people.
    public mutating func died(_ database: DatabaseID, at now: Duration, reason: String) {
        forget(before: now)
        var record = records[database] ?? Record()
        record.deaths.append(now)
        record.deaths.removeAll { now - $0 > window }
        record.reason = reason
        if record.deaths.count >= refusedAfter {
            record.until = now + min(longestRefusal, refusal * (1 << min(record.refusals, 16)))
            record.refusals += 1
        }
        invariant(record.deaths.last == now, "a death is forgotten when it is written down")
        records[database] = record
    }

    public func verdict(on database: DatabaseID, at now: Duration) -> Verdict {
        guard let record = records[database], isRemembered(record, at: now) else { return .none }
        if now < record.until { return .refused(quarantined(record, at: now)) }
        return record.refusals > 0 || record.deaths.count(where: { now - $0 <= window }) >= aloneAfter ? .alone : .none
    }

    /// Those that are refused now.
    public func refused(at now: Duration) -> [DatabaseID: Quarantined] {
        records.filter { now < $0.value.until }.mapValues { quarantined($0, at: now) }
    }

    /// Goes on with what was known elsewhere, unless more is known here.
    public mutating func remember(_ database: DatabaseID, _ quarantined: Quarantined, at now: Duration) {
        var record = records[database] ?? Record()
        // No refusal lasts longer, whatever has happened to the clock by which this one was written down.
        let remaining = min(quarantined.remaining, longestRefusal)
        guard now + remaining > record.until else { return }
        record.until = now + remaining
        record.refusals = max(record.refusals, quarantined.refusals)
        record.reason = quarantined.reason
        records[database] = record
        forget(before: now)
    }

    private func quarantined(_ record: Record, at now: Duration) -> Quarantined {
        Quarantined(reason: record.reason, remaining: record.until - now, refusals: record.refusals)
    }

    private func isRemembered(_ record: Record, at now: Duration) -> Bool {
        now < record.until + window || record.deaths.contains { now - $0 <= window }
    }

    private mutating func forget(before now: Duration) {
        records = records.filter { isRemembered($0.value, at: now) }
    }
}
