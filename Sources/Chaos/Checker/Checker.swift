/// Compares a history with what was promised. Knows nothing of how the history came about.
public enum Checker {
    /// - Parameter faults: what was broken when; it excuses losses of `local` databases and nothing else.
    public static func check(_ history: History, faults: [FaultRecord], rules: Rules) -> Verdict {
        var verdict = Verdict()
        count(history, &verdict.counts)
        let leadership = Leadership(history, faults: faults, rules: rules)
        leadership.check(&verdict)
        let operations = Dictionary(grouping: history.operations, by: \.start.database)
        let contents = Dictionary(history.contents.map { ($0.database, $0) }) { $1 }
        for database in history.databases {
            let checked = DatabaseHistory(
                database, operations: operations[database.name] ?? [], contents: contents[database.name])
            guard checked.isTested(&verdict) else { continue }
            checked.checkRows(&verdict)
            let losses = Losses(checked, leadership: leadership, rules: rules)
            losses.check(&verdict)
            StrongReads(checked, losses: losses).check(&verdict)
            checked.checkMoney(&verdict)
        }
        checkCopies(history, &verdict)
        checkHealing(history, rules, &verdict)
        return verdict.shortened()
    }

    private static func count(_ history: History, _ counts: inout Verdict.Counts) {
        for operation in history.operations {
            counts.requests += 1
            switch operation.outcome {
            case .acknowledged: counts.acknowledgedWrites += 1
            case .observed: counts.answeredReads += 1
            case .refused: counts.refused += 1
            case .unknown: counts.unknown += 1
            }
        }
    }

    /// What a node keeps is what the bucket gives. Where copies were compared at all, each database had one at its head: its leader's.
    private static func checkCopies(_ history: History, _ verdict: inout Verdict) {
        for comparison in history.comparisons {
            guard let difference = comparison.difference else { continue }
            verdict.add(
                Violation(
                    .copyDiffers, database: comparison.database,
                    "at \(comparison.seq)\(comparison.isHead ? ", its head" : "") on \(comparison.node): \(difference)"))
        }
        verdict.counts.comparedCopies = history.comparisons.count { $0.seq >= 0 }
        guard !history.comparisons.isEmpty else { return }
        for database in history.databases where !history.comparisons.contains(where: { $0.database == database.name && $0.isHead }) {
            verdict.add(Violation(.untested, database: database.name, "no node kept a copy of its head that could be compared"))
        }
    }

    private static func checkHealing(_ history: History, _ rules: Rules, _ verdict: inout Verdict) {
        guard let healed = history.healedAt else {
            verdict.add(Violation(.untested, database: nil, "the run never came to the end of its faults"))
            return
        }
        let limit = rules.ttl + .microseconds(rules.healing.microseconds)
        let entries = Set(history.served.compactMap(\.through))
        var last = healed
        var isWhole = true
        for database in history.databases {
            let mine = history.served.filter { $0.database == database.name }
            for entry in [nil] + entries.sorted().map(Optional.some) {
                let what = entry.map { "a read through \($0)" } ?? "a write"
                guard let served = mine.first(where: { $0.through == entry }) else {
                    isWhole = false
                    verdict.add(Violation(.notHealed, database: database.name, "\(what) was never served after the faults"))
                    continue
                }
                last = max(last, served.at)
                if served.at - healed > limit {
                    verdict.add(
                        Violation(
                            .notHealed, database: database.name,
                            "\(what) was served \(Moment(served.at - healed)) after the faults; \(Moment(limit)) is the limit"))
                }
            }
        }
        verdict.counts.timeToHeal = isWhole ? Moment(last - healed) : nil
    }
}
