import ArgumentParser
import Chaos
import FleetModel
import Foundation
import Simulation
import Synchronization

/// Runs schedules of a simulated fleet, and prints the timeline of one that breaks a promise.
@main
struct BerthSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-simulate",
        abstract: "Runs the real code of a fleet in simulated schedules; one seed replays one schedule exactly.",
        discussion: """
            Each schedule runs in a process of its own. Exit code 0: every promise was kept, and every schedule that was \
            run twice was the same both times.
            """)

    @Option(help: "The first seed.") var seed: UInt64 = 1
    @Option(help: "How many seeds, from the first on.") var count: UInt64 = 1
    @Option(help: "Schedules at a time.") var jobs = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Run every n-th seed twice and compare the timelines; 0 for none.") var replayEvery: UInt64 = 20
    @Flag(help: "Begin no further schedule once one broke a promise.") var untilBroken = false
    @Flag(help: "Fail when 300 schedules or more never took one of the rare branches that so many are known to take.")
    var expectsRareBranches = false
    @OptionGroup var schedule: ScheduleOptions

    mutating func validate() throws {
        guard count > 0, jobs > 0 else { throw ValidationError("--count and --jobs are at least 1.") }
        _ = try schedule.settings()
    }

    func run() throws {
        if count == 1 && !schedule.isAlone { return try runOne() }
        if schedule.isAlone { return try schedule.run(seed) }
        let next = Atomic<UInt64>(seed)
        let totals = Mutex(Totals())
        let end = seed + count
        DispatchQueue.concurrentPerform(iterations: jobs) { _ in
            while true {
                let (mine, _) = next.add(1, ordering: .relaxed)
                guard mine < end, !(untilBroken && totals.withLock { !$0.broken.isEmpty }) else { return }
                let isReplayed = replayEvery > 0 && mine % replayEvery == 0
                let first = ChildRun(seed: mine, schedule)
                totals.withLock { $0.add(first) }
                if isReplayed {
                    let second = ChildRun(seed: mine, schedule)
                    totals.withLock { $0.compare(first, second) }
                }
            }
        }
        let sum = totals.withLock { $0 }
        print(sum.summary)
        if expectsRareBranches, !sum.missed.isEmpty {
            print("never taken: \(sum.missed.joined(separator: ", "))")
            throw ExitCode(1)
        }
        if !sum.broken.isEmpty || !sum.unreplayed.isEmpty { throw ExitCode(1) }
    }

    private func runOne() throws {
        let run = ChildRun(seed: seed, schedule)
        print(run.output, terminator: "")
        if run.report?.isClean != true { throw ExitCode(1) }
    }
}
