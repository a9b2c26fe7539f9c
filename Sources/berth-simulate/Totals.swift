import Chaos
import FleetModel

/// What many schedules came to.
struct Totals: Sendable {
    private(set) var broken: [UInt64] = []
    private(set) var unreplayed: [UInt64] = []
    private var schedules = 0
    private var replays = 0
    private var requests = 0
    private var acknowledged = 0
    private var lost = 0
    private var localLost = 0
    private var takeovers = 0
    private var steps = 0
    private var faults: [String: Int] = [:]
    private var rareBranches: [String: Int] = [:]
    /// Timelines are long; those of the first broken seeds are enough.
    private static let timelines = 3

    mutating func add(_ run: ChildRun) {
        schedules += 1
        if let report = run.report {
            requests += report.counts.requests
            acknowledged += report.counts.acknowledgedWrites
            lost += report.counts.lost
            localLost += report.counts.localLost
            takeovers += report.counts.takeovers
            steps += report.steps
            faults.merge(report.faults, uniquingKeysWith: +)
            rareBranches.merge(report.rareBranches, uniquingKeysWith: +)
        }
        guard run.report?.isClean != true else { return }
        if broken.count < Self.timelines { print(run.output) } else { print("seed \(run.seed) is broken") }
        broken.append(run.seed)
    }

    mutating func compare(_ first: ChildRun, _ second: ChildRun) {
        replays += 1
        guard first.report == nil || first.report?.digest != second.report?.digest else { return }
        unreplayed.append(first.seed)
        print("seed \(first.seed) was another schedule when it was run again")
    }

    /// Taken at least 20 times in every run of ``enoughSchedules`` schedules with all faults that was looked at: none at all means that
    /// the schedules do not come near them any more.
    private static let expected: [RareBranch] = [
        .silentSessionEnded, .endingBraked, .renewalRefused, .publishFenced, .outcomeUnknown, .leaseFound, .copyContinued, .copyExtended,
        .gateClosed, .changesetRefused, .hostReplaced, .hostOverdue, .hostStalled, .hostFull, .hostRecycled, .requestGaveWay, .statementTimedOut,
        .openedAlone, .databaseQuarantined,
    ]
    /// So many schedules come by all of them.
    private static let enoughSchedules = 300

    /// Branches that were expected to be taken and were not.
    var missed: [String] {
        schedules < Self.enoughSchedules ? [] : Self.expected.map(\.rawValue).filter { rareBranches[$0, default: 0] == 0 }
    }

    var summary: String {
        """
        \(schedules) schedules, \(steps) steps; \(replays) were run twice
        \(requests) requests, \(acknowledged) acknowledged writes, \(lost) lost, \(localLost) local writes lost inside the allowance, \
        \(takeovers) takeovers
        faults: \(faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        rare branches: \(rareBranches.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        broken: \(broken.isEmpty ? "none" : broken.sorted().map(String.init).joined(separator: " "))
        not replayed: \(unreplayed.isEmpty ? "none" : unreplayed.sorted().map(String.init).joined(separator: " "))
        """
    }
}
