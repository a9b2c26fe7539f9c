/// Promised writes of one database that are not there at the end, and which of them may be missing.
struct Losses {
    /// A write somebody could rely on.
    struct Promise {
        var operation: History.Operation
        /// When it was acknowledged, or shown by a strong read.
        var at: Moment
        /// The read that showed it, if it was never acknowledged.
        var shownBy: Int?
    }

    let history: DatabaseHistory
    /// By token.
    let promises: [String: Promise]
    private let leadership: Leadership
    private let rules: Rules
    private let lost: [Promise]
    /// Tokens of lost writes for which a death is a sufficient reason.
    private let excused: [String: Leadership.Takeover]

    init(_ history: DatabaseHistory, leadership: Leadership, rules: Rules) {
        self.history = history
        self.leadership = leadership
        self.rules = rules
        promises = Self.promises(of: history)
        lost = promises.values.filter { promise in
            promise.operation.start.work.write.map { !history.present.contains($0.token) } ?? false
        }.sorted { $0.operation.id < $1.operation.id }
        var excused: [String: Leadership.Takeover] = [:]
        if history.database.mayLoseUnshipped {
            for promise in lost {
                guard let token = promise.operation.start.work.write?.token else { continue }
                excused[token] = leadership.takeovers(
                    of: history.database.name, from: promise.operation.start.at, promised: promise.at
                ).first {
                    promise.at >= $0.stopped - leadership.allowance(for: $0, promised: promise.at) && !Self.mustKeep($0, history)
                }
            }
        }
        self.excused = excused
    }

    /// What was acknowledged and on the disk is there when the same node comes back to it first: it is published before anything is served (rule 5).
    /// That it was served is known by an answer; a node that died once more before it served may have been overtaken.
    private static func mustKeep(_ takeover: Leadership.Takeover, _ history: DatabaseHistory) -> Bool {
        takeover.isReturn
            && history.operations.contains { operation in
                guard let finished = operation.finish, operation.acknowledgedAt != nil || operation.observation != nil else { return false }
                return operation.start.at >= takeover.at && takeover.next.map { finished.at <= $0 } ?? true
            }
    }

    /// Whether a write may be missing, for ever.
    func isExcused(_ token: String) -> Bool { excused[token] != nil }

    private static func promises(of history: DatabaseHistory) -> [String: Promise] {
        var promises: [String: Promise] = [:]
        var numbered: [DatabaseHistory.Series: [Int: History.Operation]] = [:]
        for operation in history.operations {
            guard let write = operation.start.work.write else { continue }
            numbered[.init(ledger: write.ledger, client: write.client), default: [:]][write.number] = operation
            if let at = operation.acknowledgedAt { promises[write.token] = Promise(operation: operation, at: at, shownBy: nil) }
        }
        for read in history.operations {
            guard let observation = read.observation, let at = read.finish?.at else { continue }
            for tally in observation.tallies {
                guard let shown = numbered[.init(ledger: tally.ledger, client: tally.client)]?[tally.last],
                    let token = shown.start.work.write?.token
                else { continue }
                // The earliest word counts.
                if let known = promises[token], known.at <= at { continue }
                promises[token] = Promise(operation: shown, at: at, shownBy: read.id)
            }
        }
        return promises
    }

    func check(_ verdict: inout Verdict) {
        let name = history.database.name
        for promise in lost {
            let id = promise.operation.id, what = history.describe(promise.operation)
            let requests = [id] + (promise.shownBy.map { [$0] } ?? [])
            let shown = promise.shownBy.map { ", shown by read \($0) at \(promise.at)," } ?? ""
            guard history.database.mayLoseUnshipped else {
                verdict.counts.lost += 1
                verdict.add(
                    Violation(.acknowledgedWriteLost, database: name, "\(what)\(shown) is gone", requests: requests))
                continue
            }
            verdict.counts.localLost += 1
            guard let token = promise.operation.start.work.write?.token, let takeover = excused[token] else {
                verdict.add(
                    Violation(.localWriteLostOutsideAllowance, database: name, "\(what)\(shown) is gone: \(reason(promise))", requests: requests))
                continue
            }
            verdict.counts.oldestLocalLoss = max(verdict.counts.oldestLocalLoss, Moment(takeover.stopped - promise.at))
            checkHole(promise, takeover, &verdict)
        }
        checkSpans(&verdict)
    }

    private func reason(_ promise: Promise) -> String {
        let takeovers = leadership.takeovers(
            of: history.database.name, from: promise.operation.start.at, promised: promise.at)
        guard let last = takeovers.last else { return "no leader died after it" }
        if Self.mustKeep(last, history) {
            return "\(last.node) crashed, its disk was well, and it led again from \(last.at) on, before anybody else"
        }
        let age = Moment(last.stopped - promise.at)
        let allowed = Moment(leadership.allowance(for: last, promised: promise.at))
        return "\(last.node) stopped \(age) after it (taken over at \(last.at)), \(allowed) may be unshipped"
    }

    /// A death takes an end of the history. What was sent after a lost write and acknowledged before the takeover came
    /// after it on the same leader, and must be gone too.
    private func checkHole(_ promise: Promise, _ takeover: Leadership.Takeover, _ verdict: inout Verdict) {
        let later = history.operations.first { operation in
            guard let write = operation.start.work.write, let acknowledged = operation.acknowledgedAt else { return false }
            return operation.start.at >= promise.at && acknowledged <= takeover.at && history.present.contains(write.token)
        }
        guard let later else { return }
        verdict.add(
            Violation(
                .hole, database: history.database.name,
                "\(history.describe(promise.operation)) went when \(takeover.node) was taken over at \(takeover.at), but "
                    + "\(history.describe(later)) did not",
                requests: [promise.operation.id, later.id]))
    }

    /// However long a fault lasts, a leader accepts no `local` write past the ship lag: what one takeover takes was
    /// acknowledged within that time. Only writes count that cannot have gone with another takeover: one whose answer
    /// came after the takeover may have been executed by the next leader, and have gone with that.
    private func checkSpans(_ verdict: inout Verdict) {
        var spans: [Moment: (first: Promise, last: Promise)] = [:]
        for promise in lost where promise.shownBy == nil {
            guard let token = promise.operation.start.work.write?.token, let takeover = excused[token],
                leadership.takeovers(of: history.database.name, from: promise.operation.start.at, promised: promise.at).count == 1
            else { continue }
            let known = spans[takeover.at] ?? (promise, promise)
            spans[takeover.at] = (
                promise.at < known.first.at ? promise : known.first,
                promise.operation.start.at > known.last.operation.start.at ? promise : known.last
            )
        }
        for (at, span) in spans.sorted(by: { $0.key < $1.key }) {
            let lag = span.last.operation.start.at - span.first.at
            guard lag > rules.greatestLag else { continue }
            verdict.add(
                Violation(
                    .localWriteLostOutsideAllowance, database: history.database.name,
                    "the takeover at \(at) took writes over \(Moment(lag)), from \(history.describe(span.first.operation)) to "
                        + history.describe(span.last.operation),
                    requests: [span.first.operation.id, span.last.operation.id]))
        }
    }
}
