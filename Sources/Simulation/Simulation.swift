public import Chaos
import FleetModel
import FleetStore
import Foundation

/// One schedule of a whole fleet, decided by one number.
///
/// The real session, lease, shipping, failover and routing code runs on real files of the real engines; clock, chance, threads,
/// network, lease store and bucket are simulated. The same seed gives the same schedule, to the last line of its timeline.
public struct Simulation {
    public struct Result: Sendable {
        public var seed: UInt64
        public var verdict: Verdict
        public var faults: [String: Int]
        /// What happened, a line each.
        public var timeline: [String]
        /// Equal for equal timelines.
        public var digest: String
        public var steps: Int
        /// How much time passed in the simulation.
        public var simulated: Duration
        /// How often each rare branch was taken, those never taken included.
        public var rareBranches: [String: Int]
    }

    /// Runs one schedule, on the calling thread. Once per process at a time.
    ///
    /// - Parameter directory: for the disks of the nodes; emptied afterwards.
    public static func run(seed: UInt64, _ settings: SimulationSettings, directory: String) -> Result {
        let root = "\(directory)/\(seed)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let fleet = SimulatedFleet(settings, seed: seed, directory: root)
        let scheduler = fleet.scheduler
        ConcurrencyHook.install(scheduler)
        fleet.createDatabases()
        for manager in fleet.managers { manager.start() }
        for node in fleet.nodes { node.start(.lost) }

        let workload = Workload(fleet)
        var phase = 0
        workload.prepare { phase = 1 }
        var complete = scheduler.run(until: .seconds(60)) { phase == 1 }
        // Tables are writes like any other: `local` ones rest on them only once they are in the bucket.
        _ = scheduler.run(until: scheduler.now + .seconds(1))

        workload.start()
        let injector = FaultInjector(fleet)
        injector.start()
        if let breach = settings.breach {
            scheduler.after(settings.faultTime / 2, on: scheduler.harness) { fleet.commit(breach) }
        }
        scheduler.standstillsPerMillion = settings.standstillsPerMillion
        _ = scheduler.run(until: scheduler.now + settings.faultTime)
        scheduler.standstillsPerMillion = 0
        injector.heal()
        for node in fleet.nodes { fleet.store.nodes[node.name]?.state = .active }
        workload.stop()
        for manager in fleet.managers { manager.start() }
        for node in fleet.nodes { node.mayStart = true; node.start(.kept) }
        // Who stands still is woken, and all that breaks was mended.
        let hosts = fleet.nodes.flatMap { $0.machine?.hosts ?? [] }
        let still = (fleet.nodes.map(\.life) + fleet.managers.map(\.life) + hosts.map(\.life)).map(\.standsStillUntil).max() ?? .zero
        _ = scheduler.run(until: max(still, scheduler.now))
        for node in fleet.nodes { node.start(.kept) }

        fleet.note("fault", "everything is mended")
        fleet.record(.healed(fleet.now))
        workload.heal { phase = 2 }
        complete = scheduler.run(until: scheduler.now + .seconds(60)) { phase == 2 && workload.isIdle } && complete
        workload.readBack { phase = 3 }
        complete = scheduler.run(until: scheduler.now + .seconds(30)) { phase == 3 } && complete

        var verdict = Checker.check(
            History(fleet.events), faults: injector.records,
            rules: Rules(leaseTTL: settings.ttl, shipInterval: .milliseconds(250), maxShipLag: .seconds(5), shipRecovery: .seconds(4)))
        if let broken = scheduler.broken {
            // What came after it was not run.
            verdict.violations = [Violation(.invariantBroken, database: nil, "\(broken.what), at step \(broken.step)")]
        } else if let busy = scheduler.busy {
            verdict.violations.append(Violation(.notHealed, database: nil, "\(busy.name) is in a loop without an end"))
        } else if !complete { verdict.violations.append(Violation(.notHealed, database: nil, "the run did not come to its end")) }
        return Result(
            seed: seed, verdict: verdict, faults: Dictionary(injector.counts.map { ($0.key.rawValue, $0.value) }) { $1 },
            timeline: fleet.trace.lines, digest: fleet.trace.digest, steps: scheduler.steps, simulated: scheduler.now,
            rareBranches: Dictionary(uniqueKeysWithValues: RareBranch.taken.map { ($0.key.rawValue, $0.value) }))
    }
}
