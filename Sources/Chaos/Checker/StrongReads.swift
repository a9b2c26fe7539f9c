/// Strong reads of one database against what was promised before they began.
struct StrongReads {
    private typealias Series = DatabaseHistory.Series

    private let history: DatabaseHistory
    private let losses: Losses
    /// Of each series, by number.
    private let writes: [Series: [Int: History.Operation]]
    /// Of each series, the numbers that were sent and not refused, rising.
    private let possible: [Series: [Int]]
    /// Of each series, promises in the order in which they were made.
    private let promises: [Series: [Known]]

    private struct Known {
        var at: Moment
        var number: Int
        var token: String
        /// The highest number promised until then, itself included.
        var highest: Int
    }

    init(_ history: DatabaseHistory, losses: Losses) {
        self.history = history
        self.losses = losses
        var writes: [Series: [Int: History.Operation]] = [:]
        for operation in history.operations {
            guard let write = operation.start.work.write else { continue }
            writes[Series(ledger: write.ledger, client: write.client), default: [:]][write.number] = operation
        }
        self.writes = writes
        possible = writes.mapValues { numbered in numbered.filter { !$0.value.isRefused }.keys.sorted() }
        var promises: [Series: [Known]] = [:]
        for promise in losses.promises.values.sorted(by: { $0.at < $1.at }) {
            guard let write = promise.operation.start.work.write else { continue }
            let series = Series(ledger: write.ledger, client: write.client)
            let highest = max(write.number, promises[series]?.last?.highest ?? write.number)
            promises[series, default: []].append(
                Known(at: promise.at, number: write.number, token: write.token, highest: highest))
        }
        self.promises = promises
    }

    func check(_ verdict: inout Verdict) {
        for read in history.operations {
            guard let observation = read.observation, let finished = read.finish?.at else { continue }
            let seen = Dictionary(
                observation.tallies.map { (Series(ledger: $0.ledger, client: $0.client), $0) }) { first, _ in first }
            for (series, tally) in seen { checkPossible(read, series, tally, finished, &verdict) }
            for (series, known) in promises { checkFresh(read, series, seen[series]?.last, known, &verdict) }
        }
    }

    /// What is shown was sent by somebody before, not refused, and not more than was sent.
    private func checkPossible(
        _ read: History.Operation, _ series: Series, _ tally: Observation.Tally, _ finished: Moment, _ verdict: inout Verdict
    ) {
        let name = history.database.name
        guard let shown = writes[series]?[tally.last], shown.start.at <= finished else {
            verdict.add(
                Violation(
                    .stranger, database: name,
                    "a read at \(read.start.at) saw \(series.ledger.rawValue) number \(tally.last) of client \(series.client), which nobody had sent",
                    requests: [read.id]))
            return
        }
        if shown.isRefused {
            verdict.add(
                Violation(
                    .refusedWritePresent, database: name, "a read at \(read.start.at) saw \(history.describe(shown))",
                    requests: [shown.id, read.id]))
        }
        let possible = (possible[series] ?? []).sortedCount { $0 <= tally.last }
        if tally.count > possible {
            verdict.add(
                Violation(
                    .writeAppliedTwice, database: name,
                    "a read at \(read.start.at) saw \(tally.count) \(series.ledger.rawValue) of client \(series.client) up to number "
                        + "\(tally.last), of which only \(possible) were sent and not refused",
                    requests: [read.id]))
        }
    }

    /// Nothing promised before the read began is missing, but for what a death was allowed to take.
    private func checkFresh(
        _ read: History.Operation, _ series: Series, _ last: Int?, _ known: [Known], _ verdict: inout Verdict
    ) {
        let before = known.sortedCount { $0.at < read.start.at }
        let seen = last ?? Int.min
        guard before > 0, known[before - 1].highest > seen else { return }
        for promise in known[..<before].reversed() where promise.number > seen && !losses.isExcused(promise.token) {
            guard let write = writes[series]?[promise.number] else { continue }
            verdict.add(
                Violation(
                    .staleRead, database: history.database.name,
                    "a read at \(read.start.at) through \(read.start.through) saw \(last.map { "number \($0)" } ?? "nothing") of "
                        + "client \(series.client), but \(history.describe(write)) was known at \(promise.at)",
                    requests: [read.id, write.id]))
            return
        }
    }
}

extension Array {
    /// The number of elements of a sorted array, from its beginning, for which `isBefore` holds.
    func sortedCount(where isBefore: (Element) -> Bool) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
