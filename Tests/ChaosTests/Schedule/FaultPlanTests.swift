import Chaos
import Testing

@Suite struct FaultPlanTests {
    private let topology = Topology(nodes: 3, managers: 2, gateways: 1)

    private func settings(_ seed: UInt64, minutes: Int = 1, kinds: [FaultKind] = FaultKind.allCases) -> FaultPlan.Settings {
        FaultPlan.Settings(
            seed: seed, length: .seconds(60 * minutes), kinds: kinds, leaseTTL: .seconds(2), meanGap: .milliseconds(1200))
    }

    @Test func aSeedIsAPlan() {
        for seed: UInt64 in 0..<20 {
            #expect(FaultPlan(settings(seed), for: topology) == FaultPlan(settings(seed), for: topology))
        }
        #expect(FaultPlan(settings(1), for: topology) != FaultPlan(settings(2), for: topology))
    }

    /// Golden: a plan that changed makes the seeds of old reports worthless.
    @Test func theSequenceOfSplitMixIsFixed() {
        var random = SplitMix(seed: 0)
        #expect([random.next(), random.next()] == [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4])
    }

    @Test(arguments: 1...10) func aMinuteHasEveryKind(seed: Int) {
        let plan = FaultPlan(settings(UInt64(seed)), for: topology)
        #expect(Set(plan.faults.map(\.kind)) == Set(FaultKind.allCases))
    }

    @Test(arguments: 1...10) func plansKeepTheirBounds(seed: Int) {
        let settings = settings(UInt64(seed), minutes: 5), plan = FaultPlan(settings, for: topology)
        let length = Moment(settings.length), ttl = Moment(settings.leaseTTL)
        #expect(plan.faults.map(\.number) == Array(plan.faults.indices))
        for fault in plan.faults {
            #expect(fault.at + .microseconds(fault.lasting.microseconds) <= length)
            #expect(!fault.targets.isEmpty)
            if fault.kind.tally == .pauses { #expect(fault.lasting > ttl) }
            if fault.kind.tally == .cuts {
                #expect(topology.links.contains(fault.targets))
            }
            let meanwhile = plan.faults.filter { other in
                other.number != fault.number && other.at <= fault.at && other.at + .microseconds(other.lasting.microseconds) > fault.at
            }
            #expect(meanwhile.count < settings.atOnce)
            // A process that stands still is not killed as well.
            if fault.kind.tally == .kills || fault.kind.tally == .pauses {
                #expect(!meanwhile.contains { $0.kind.tally == .pauses && $0.targets == fault.targets })
            }
        }
    }

    @Test func onlyWhatWasAskedFor() {
        let plan = FaultPlan(settings(1, kinds: [.workerKill, .postgresKill]), for: topology)
        #expect(Set(plan.faults.map(\.kind)) == [.workerKill, .postgresKill])
        #expect(FaultPlan(settings(1, kinds: []), for: topology).faults.isEmpty)
        #expect(FaultPlan(settings(1, kinds: [.gatewayKill]), for: Topology(nodes: 3, managers: 1, gateways: 0)).faults.isEmpty)
    }

    /// Frequent kills are what long runs are for.
    @Test func killsCanBeFrequent() {
        var settings = settings(1, minutes: 10, kinds: [.workerKill])
        settings.meanGap = .milliseconds(800)
        #expect(FaultPlan(settings, for: Topology(nodes: 5, managers: 1, gateways: 0)).faults.count > 500)
    }

    @Test func listsOfFaults() {
        #expect(FaultKind.list("all") == .success(FaultKind.allCases))
        #expect(FaultKind.list("move,worker-kill,move") == .success([.workerKill, .move]))
        #expect(FaultKind.list("postgres") == .success([.postgresKill, .postgresRestart, .postgresSlow, .postgresRefusal]))
        #expect(FaultKind.list("worker-kill,earthquake") == .failure(UnknownFault(name: "earthquake")))
    }
}
