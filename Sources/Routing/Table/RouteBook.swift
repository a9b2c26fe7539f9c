import FleetModel
import FleetStore

/// What a route table knows, and the rules by which it learns and forgets. A value without I/O and without a clock.
///
/// A route never goes backwards: for one database, a lower epoch never replaces a higher one, in whatever order
/// look-ups, hearsay and hints arrive.
struct RouteBook: Sendable {
    struct Entry: Sendable {
        var record: RouteRecord
        /// When the look-up that confirmed it last was started.
        var lookedUpAt: Duration
        /// A hint said that it may have changed since.
        var isStale = false
        /// The count of `invalidateAll` it was confirmed under.
        var generation: UInt64
        /// A look-up failed: until then what is known must do.
        var toleratedUntil = Duration.zero
    }

    enum Answer: Sendable {
        case known(RouteRecord)
        /// The catalogue said a moment ago that there is no such database.
        case missing
        /// To be looked up; with what was known last.
        case unknown(last: RouteRecord?)
    }

    /// A look-up under way, with the hints that arrived meanwhile.
    struct Look: Sendable {
        let startedAt: Duration
        fileprivate let generation: UInt64
        fileprivate var touched: Set<DatabaseID> = []
    }

    private let missLifetime: Duration
    private let lookInterval: Duration
    private var entries: LeastRecentlyUsed<DatabaseName, Entry>
    private var misses: LeastRecentlyUsed<DatabaseName, Duration>
    private var names: [DatabaseID: DatabaseName] = [:]
    private var generation: UInt64 = 0

    init(limits: RouteLimits) {
        missLifetime = limits.missLifetime
        lookInterval = limits.lookInterval
        entries = LeastRecentlyUsed(capacity: limits.routes)
        misses = LeastRecentlyUsed(capacity: limits.misses)
    }

    /// Routes that are kept, stale ones included.
    var count: Int { entries.count }

    /// - Parameter notBefore: an answer that was looked up earlier is not good enough; `nil` when its age is no matter.
    mutating func answer(to name: DatabaseName, now: Duration, notBefore: Duration? = nil) -> Answer {
        if let entry = entries.use(name) {
            let isFresh = isCurrent(entry, now: now) && entry.lookedUpAt >= notBefore ?? entry.lookedUpAt
            return isFresh ? .known(entry.record) : .unknown(last: entry.record)
        }
        if let seenAt = misses.use(name), now - seenAt < missLifetime, seenAt >= notBefore ?? seenAt { return .missing }
        return .unknown(last: nil)
    }

    /// The entry of a name, current or not.
    func entry(_ name: DatabaseName) -> Entry? { entries.peek(name) }

    func isCurrent(_ entry: Entry, now: Duration) -> Bool {
        !entry.isStale && entry.generation == generation || now < entry.toleratedUntil
    }

    // MARK: Looking up

    func beginLook(now: Duration) -> Look { Look(startedAt: now, generation: generation) }

    /// Takes the outcome of a look-up in.
    ///
    /// - Returns: the route as it is known now, which may be newer than what was found.
    @discardableResult
    mutating func finish(_ look: Look, found record: RouteRecord) -> RouteRecord {
        misses.remove(record.name)
        var entry = Entry(
            record: record, lookedUpAt: look.startedAt, isStale: look.touched.contains(record.database),
            generation: look.generation)
        if let known = entries.peek(record.name), known.record.database == record.database,
            known.record.epoch > record.epoch
        {
            RareBranch.staleRoute.marked()
            entry.record = known.record
        }
        store(entry)
        return entry.record
    }

    /// The catalogue does not know the name: a route there was leads nowhere any more.
    mutating func finish(_ look: Look, missing name: DatabaseName) {
        forget(name)
        _ = misses.insert(look.startedAt, for: name)
    }

    /// The catalogue could not be asked: for a while what is known must do, so that not every request asks in vain.
    mutating func fail(_ name: DatabaseName, now: Duration) {
        entries.update(name) { $0.toleratedUntil = now + lookInterval }
    }

    /// Takes over what a node said of the leader, if that is newer than what is known.
    ///
    /// - Returns: whether the route changed.
    mutating func learn(_ hint: NotLeaderHint, about name: DatabaseName) -> Bool {
        guard var entry = entries.peek(name), hint.epoch > entry.record.epoch else { return false }
        guard let address = hint.address else {
            // Only that something newer exists: reason to look.
            entries.update(name) { $0.isStale = true }
            return false
        }
        entry.record.epoch = hint.epoch
        entry.record.session = nil
        entry.record.node = hint.leader
        entry.record.address = address
        entry.isStale = false
        entry.generation = generation
        store(entry)
        return true
    }

    // MARK: Doubting

    /// A route that was used at `used` did not work: unless it was looked up since, it has to be.
    mutating func doubt(_ route: RouteRecord, used: Duration, looks: inout [DatabaseName: Look]) {
        guard let entry = entries.peek(route.name), entry.record == route, entry.lookedUpAt < used else { return }
        entries.update(route.name) { $0.isStale = true }
        if let look = looks[route.name], look.startedAt < used { looks[route.name]?.touched.insert(route.database) }
    }

    mutating func invalidate(_ ids: [DatabaseID], looks: inout [DatabaseName: Look]) {
        for id in ids {
            if let name = names[id] { entries.update(name) { $0.isStale = true } }
        }
        for name in looks.keys { looks[name]?.touched.formUnion(ids) }
    }

    mutating func invalidateAll() { generation += 1 }

    private mutating func store(_ entry: Entry) {
        let name = entry.record.name
        invariant(
            entries.peek(name).map { $0.record.database != entry.record.database || $0.record.epoch <= entry.record.epoch } ?? true,
            "a route goes backwards")
        if let known = entries.peek(name), known.record.database != entry.record.database {
            names[known.record.database] = nil
        }
        if let evicted = entries.insert(entry, for: name) { names[evicted.value.record.database] = nil }
        names[entry.record.database] = name
    }

    private mutating func forget(_ name: DatabaseName) {
        guard let entry = entries.peek(name) else { return }
        names[entry.record.database] = nil
        entries.remove(name)
    }
}
