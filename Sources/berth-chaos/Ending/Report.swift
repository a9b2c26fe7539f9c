import Chaos
import Foundation

/// What a run was and what it found: `report.json`, and a table for people.
struct Report: Codable, Sendable {
    /// The command line that repeats the plan.
    var command: String
    var seed: UInt64
    var seconds: Double
    var rules: Rules
    /// Faults that took effect, by kind and added up.
    var faults: [String: Int]
    var totals: [String: Int]
    /// Faults that were planned and had nothing to hit, or were not possible here, with the reason.
    var notDone: [String: Int]
    var outcomes: [String: Int]
    /// Connections made over each link, by its name such as `node-1>postgres`.
    var connections: [String: Int]
    /// Processes that did not stop when asked to at the end.
    var stubborn: [String]
    var verdict: Verdict

    func write(to directory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: "\(directory)/report.json"))
    }

    static func tally(_ faults: [FaultRecord]) -> (kinds: [String: Int], totals: [String: Int]) {
        var kinds: [String: Int] = [:], totals: [String: Int] = [:]
        for fault in faults {
            kinds[fault.kind.rawValue, default: 0] += 1
            totals[fault.kind.tally.rawValue, default: 0] += 1
        }
        return (kinds, totals)
    }

    var table: String {
        let counts = verdict.counts
        var rows: [(String, String)] = faults.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        rows += notDone.sorted { $0.key < $1.key }.map { ("not done: \($0.key)", "\($0.value)") }
        let sums = FaultKind.Tally.allCases.compactMap { tally in totals[tally.rawValue].map { "\($0) \(tally.title)" } }
        rows += [
            ("in all", sums.joined(separator: ", ")), ("", ""), ("requests", "\(counts.requests)"), ("acknowledged writes", "\(counts.acknowledgedWrites)"),
            ("answered strong reads", "\(counts.answeredReads)"), ("refused", "\(counts.refused)"), ("in doubt", "\(counts.unknown)"),
            ("leader changes", "\(counts.leaderChanges)"), ("  of them from a dead leader", "\(counts.takeovers)"),
            ("copies compared with the bucket", "\(counts.comparedCopies)"), ("acknowledged writes lost", "\(counts.lost)"),
            ("local writes lost inside the allowance", "\(counts.localLost)"),
            ("  the oldest, before the death", "\(counts.oldestLocalLoss)"),
            ("time to heal", counts.timeToHeal.map { "\($0)" } ?? "never"), ("violations", "\(verdict.violations.count)"),
        ]
        if !stubborn.isEmpty { rows.append(("did not stop when asked", stubborn.joined(separator: ", "))) }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { row in row.0.isEmpty ? "" : row.0.padding(toLength: width + 2, withPad: " ", startingAt: 0) + row.1 }
            .joined(separator: "\n")
    }
}

extension FaultKind.Tally {
    /// For people.
    fileprivate var title: String {
        switch self {
        case .kills: "kills"
        case .pauses: "pauses past the TTL"
        case .cuts: "cuts"
        case .restarts: "restarts"
        case .delays: "delays"
        case .storeFaults: "object store faults"
        case .fullDisks: "full disks"
        case .fileFaults: "file faults"
        case .hostFaults: "faults of engine hosts"
        case .moves: "moves"
        }
    }
}
