/// Who led what when, and which changes came by the death of a leader.
struct Leadership {
    /// A database went to another session although the former one had not given it away.
    struct Takeover {
        /// When the lease changed hands.
        var at: Moment
        /// From when on the former leader may have been unable to ship.
        var stopped: Moment
        var node: String
        /// The same node is the next leader, after a crash that its disk outlived, and nobody led in between.
        var isReturn = false
        /// When the lease changed hands once more.
        var next: Moment?
    }

    private let changes: [String: [LeaseChange]]
    private let takeovers: [String: [Takeover]]
    private let faults: [FaultRecord]
    private let rules: Rules

    init(_ history: History, faults: [FaultRecord], rules: Rules) {
        self.faults = faults
        self.rules = rules
        changes = Dictionary(grouping: history.leaseChanges, by: \.database)
        let openings = Dictionary(history.sessionOpenings.map { ($0.session, $0) }) { first, _ in first }
        let ends = Dictionary(history.sessionEnds.map { ($0.session, $0.at) }) { first, _ in first }
        takeovers = changes.mapValues { changes in
            var found: [Takeover] = []
            for (index, (before, after)) in zip(changes, changes.dropFirst()).enumerated() {
                guard let former = before.session, after.session != former, let ended = ends[former], ended <= after.at
                else { continue }
                let node = openings[former]?.node ?? "?"
                let stopped = Self.stop(
                    of: node, openedAt: openings[former]?.at, endedAt: ended, takenAt: after.at, faults, rules)
                var takeover = Takeover(at: after.at, stopped: stopped, node: node)
                let next = after.session.flatMap { openings[$0]?.node }
                takeover.isReturn = next == node && after.epoch == before.epoch + 1
                    && Self.isCrash(of: node, openedAt: openings[former]?.at, endedAt: ended, takenAt: after.at, faults)
                takeover.next = changes.dropFirst(index + 2).first?.at
                found.append(takeover)
            }
            return found
        }
    }

    /// The changes of leadership that a write could have been lost at: the first after its promise, and those between its
    /// request and its promise.
    func takeovers(of database: String, from sent: Moment, promised: Moment) -> [Takeover] {
        let all = (takeovers[database] ?? []).filter { $0.at >= sent }
        let first = all.first { $0.at >= promised }
        return all.filter { $0.at <= first?.at ?? .init(microseconds: .max) }
    }

    /// How long before a leader stopped its writes may have been unshipped.
    func allowance(for takeover: Takeover, promised: Moment) -> Duration {
        // Backwards from the stop, as long as one fault after the other kept the node from shipping. How many writes fit
        // into such a time is another matter: those of the greatest lag, however long it was.
        let delays = faults.filter { $0.mayDelayShipping(of: takeover.node) && $0.began <= takeover.stopped }
            .map { (from: $0.began, to: $0.ended.map { $0 + .microseconds(rules.shipRecovery.microseconds) } ?? takeover.stopped) }
            .sorted { $0.from > $1.from }
        var blockedSince = takeover.stopped
        var goesOn = true
        while goesOn {
            goesOn = false
            for delay in delays where delay.from < blockedSince && delay.to >= blockedSince - rules.normalLag {
                blockedSince = delay.from
                goesOn = true
            }
        }
        return takeover.stopped - blockedSince + rules.normalLag
    }

    /// The beginning of the earliest fault that still held the node, or kept it from renewing, when its session was
    /// ended. A node that fell silent by itself did so within the time an observer needs: a TTL, and two more of the brake.
    ///
    /// A session is one life of a process: however late its end is noticed (the store may be away, all managers paused), it
    /// shipped nothing after the kill.
    private static func stop(
        of node: String, openedAt: Moment?, endedAt: Moment, takenAt: Moment, _ faults: [FaultRecord], _ rules: Rules
    ) -> Moment {
        let noticing = rules.ttl * 3 + .seconds(1)
        let reasons = faults.filter { fault in
            fault.mayDepose(node) && fault.began <= takenAt && (fault.ended.map { $0 + noticing >= endedAt } ?? true)
        }
        let stopped = reasons.map(\.began).min() ?? endedAt - rules.ttl * 3 / 2
        let kills = faults.filter { fault in
            guard let openedAt else { return false }
            return fault.kills(node) && fault.began >= openedAt && fault.began <= endedAt
        }
        return kills.map(\.began).min().map { min(stopped, $0) } ?? stopped
    }

    /// Whether a session ended because its process was killed, and nothing was wrong with its disk from its beginning until the takeover: then
    /// what was committed is in the files.
    private static func isCrash(
        of node: String, openedAt: Moment?, endedAt: Moment, takenAt: Moment, _ faults: [FaultRecord]
    ) -> Bool {
        guard let openedAt else { return false }
        let hasCrashed = faults.contains { $0.kills(node) && $0.began >= openedAt && $0.began <= endedAt }
        return hasCrashed && !faults.contains { $0.mayHarmFiles(of: node) && $0.began <= takenAt && ($0.ended.map { $0 >= openedAt } ?? true) }
    }

    /// At most one leader per epoch, and epochs only rise.
    func check(_ verdict: inout Verdict) {
        for (database, changes) in changes.sorted(by: { $0.key < $1.key }) {
            var holders: [Int64: String] = [:]
            var last: LeaseChange?
            for change in changes {
                if let session = change.session {
                    if let other = holders[change.epoch], other != session {
                        verdict.add(
                            Violation(
                                .twoLeaders, database: database,
                                "in epoch \(change.epoch) both session \(other) and, from \(change.at) on, session \(session)"))
                    }
                    holders[change.epoch] = holders[change.epoch] ?? session
                }
                if let last, change.epoch < last.epoch {
                    verdict.add(
                        Violation(
                            .epochFell, database: database, "from \(last.epoch) at \(last.at) to \(change.epoch) at \(change.at)"))
                }
                if let last, last.session != change.session, change.session != nil { verdict.counts.leaderChanges += 1 }
                last = change
            }
        }
        verdict.counts.takeovers += takeovers.values.map(\.count).reduce(0, +)
    }
}
