import Synchronization

/// When which node died, and what it led then.
struct Death: Sendable {
    var node: String
    var led: Set<String>
    /// The signal was sent between these.
    var before: ContinuousClock.Instant
    var after: ContinuousClock.Instant
}

/// Compares what was promised with what is there.
struct Verdict: Sendable {
    /// How long before the death of its leader the oldest lost write had been acknowledged.
    private(set) var oldestLoss: Duration = .zero
    private(set) var lost = 0
    private(set) var problems: [String] = []

    /// - Parameters:
    ///   - rows: what is in the table now.
    ///   - tolerableLoss: how long before a death an acknowledged write of a `local` database may be lost.
    mutating func judge(
        _ database: CrashWriters.Database, rows: [WriteLedger.Write], ledger: WriteLedger, deaths: [Death],
        tolerableLoss: Duration
    ) {
        let found = Set(rows), acknowledged = ledger.acknowledged(of: database.name)
        let promised = Set(acknowledged.map(\.write))
        if found.count != rows.count { problems.append("\(database.name): \(rows.count - found.count) rows are there twice") }
        let strangers = found.subtracting(promised).subtracting(ledger.unknown(of: database.name))
        if !strangers.isEmpty { problems.append("\(database.name): rows nobody wrote: \(strangers.prefix(3))") }
        if promised.count != acknowledged.count { problems.append("\(database.name): a write was acknowledged twice") }

        let missing = acknowledged.filter { !found.contains($0.write) }
        lost += missing.count
        guard database.durability == "local" else {
            if !missing.isEmpty {
                problems.append("\(database.name): \(missing.count) acknowledged writes are lost: \(missing.prefix(3))")
            }
            return
        }
        let fatal = deaths.filter { $0.led.contains(database.name) }
        for entry in missing {
            // Its reply may have been on the way when the leader died: so what counts is when the request was sent.
            guard let death = fatal.first(where: { $0.after >= entry.sent }) else {
                problems.append("\(database.name): \(entry.write) is lost although its leader lived on")
                continue
            }
            let age = death.before - entry.at
            oldestLoss = max(oldestLoss, age)
            if age > tolerableLoss {
                problems.append("\(database.name): \(entry.write) is lost, acknowledged \(age) before \(death.node) died")
            }
            // What is lost is an end of the history, never a hole in it.
            let later = acknowledged.first {
                $0.write.writer == entry.write.writer && $0.write.number > entry.write.number && $0.at <= death.before
                    && found.contains($0.write)
            }
            if let later { problems.append("\(database.name): \(entry.write) is lost, but the later \(later.write) is not") }
        }
    }
}
