import FleetModel
import Testing

@testable import EngineHost

/// A host with a limit of 1,024 MiB: from 768 on memory is had back, 32 are worth it, and 64 more are growth.
@Suite struct MemoryReliefTests {
    private let limits = HostLimits()

    private func work(_ number: UInt64, since seconds: Int64, isRequest: Bool = true) -> ExecutionBoard.Work {
        ExecutionBoard.Work(
            row: Int(number), number: number, database: .random(), since: BootInstant(nanoseconds: seconds * 1_000_000_000), deadline: nil, thread: 0,
            isRequest: isRequest)
    }

    /// Looks once.
    private func look(
        _ relief: inout MemoryRelief, _ mebibytes: Int64, _ works: [ExecutionBoard.Work] = [], at milliseconds: Int64
    ) -> MemoryRelief.Action? {
        relief.look(resident: mebibytes << 20, works: { works }, at: .milliseconds(milliseconds))
    }

    @Test func belowItsSoftLimitNothingIsDone() {
        var relief = MemoryRelief(limits)
        for time in 0..<10 { #expect(look(&relief, 768, [work(1, since: 0)], at: Int64(time)) == nil) }
    }

    @Test func whatIsFreeComesFirstThenWhoHasRunForLongest() {
        var relief = MemoryRelief(limits)
        let works = [work(1, since: 30), work(2, since: 10), work(3, since: 5, isRequest: false)]
        #expect(look(&relief, 800, works, at: 0) == .giveBack)
        #expect(look(&relief, 800, works, at: 450) == nil, "that takes its time")
        #expect(look(&relief, 800, works, at: 500) == .giveWay(work: 2))
    }

    @Test func whatGrowsIsInUse() {
        var relief = MemoryRelief(limits)
        #expect(look(&relief, 700, at: 0) == nil)
        #expect(look(&relief, 800, [work(1, since: 0)], at: 50) == .giveWay(work: 1))
        var other = MemoryRelief(limits)
        #expect(look(&other, 800, [work(1, since: 0)], at: 0) == .giveBack)
        #expect(look(&other, 801, [work(1, since: 0)], at: 50) == .giveWay(work: 1))
    }

    @Test func oneEndsAtATimeAndIsGivenTimeForItsEffect() {
        var relief = MemoryRelief(limits)
        let both = [work(1, since: 1), work(2, since: 2)], rest = [work(2, since: 2)]
        _ = look(&relief, 700, at: 0)
        #expect(look(&relief, 950, both, at: 50) == .giveWay(work: 1))
        #expect(look(&relief, 960, both, at: 100) == nil, "it is being interrupted")
        #expect(look(&relief, 960, rest, at: 150) == nil, "its memory comes back later")
        #expect(look(&relief, 900, rest, at: 600) == nil)
        #expect(look(&relief, 900, rest, at: 650) == .giveWay(work: 2), "that helped, and was not enough")
        #expect(look(&relief, 700, at: 700) == nil)
        #expect(look(&relief, 780, [work(3, since: 3)], at: 750) == .giveWay(work: 3), "it is calm again, and begins anew")
    }

    /// The memory is not theirs: nobody else ends for it.
    @Test func whenEndingRequestsDoesNotHelpTheOthersAreLeftAlone() {
        var relief = MemoryRelief(limits), ended = 0
        // There is always another one.
        for time in stride(from: Int64(0), to: 120_000, by: 50) {
            let works = [work(UInt64(ended + 1), since: Int64(ended))]
            if case .giveWay = look(&relief, 850, works, at: time) { ended += 1 }
        }
        #expect(ended == limits.reliefAttempts)
    }

    @Test func aHostThatGoesOnGrowingIsLookedAtAnew() {
        var relief = MemoryRelief(limits)
        #expect(look(&relief, 800, at: 0) == .giveBack)
        #expect(look(&relief, 800, at: 500) == nil, "nobody is there to end")
        let works = [work(9, since: 1)]
        #expect(look(&relief, 863, works, at: 600) == nil)
        #expect(look(&relief, 864, works, at: 700) == .giveWay(work: 9))
    }

    /// It is the watchdog's, and nobody waits for it.
    @Test func aRequestThatDoesNotEndIsNotAskedAgain() {
        var relief = MemoryRelief(limits)
        let works = [work(1, since: 1), work(2, since: 2)]
        _ = look(&relief, 700, at: 0)
        #expect(look(&relief, 900, works, at: 50) == .giveWay(work: 1))
        #expect(look(&relief, 900, works, at: 2_000) == nil)
        #expect(look(&relief, 900, works, at: 2_050) == .giveWay(work: 2))
    }

    @Test func whatCannotBeHadBackIsRecycledAtRest() {
        var relief = MemoryRelief(limits)
        _ = look(&relief, 800, at: 0)
        _ = look(&relief, 800, at: 500)
        #expect(look(&relief, 800, at: 59_950) == nil)
        #expect(look(&relief, 800, [work(1, since: 1)], at: 60_050) == nil, "something is being carried out")
        #expect(look(&relief, 800, at: 60_100) == .recycle)
    }
}

@Suite struct HostWatchTests {
    private func sight(_ wasHeard: Bool, mebibytes: Int64 = 100, isReady: Bool = true) -> HostWatch.Sight {
        HostWatch.Sight(isReady: isReady, wasHeard: wasHeard, residentBytes: mebibytes << 20)
    }

    @Test func aHostIsAskedForASignOfLifeAndEndedForSilence() {
        var watch = HostWatch(HostLimits(), interval: .milliseconds(50)), pings = 0
        for look in 0..<watch.patience {
            let actions = watch.look(sight(false), works: { [] }, at: .milliseconds(50 * look))
            pings += actions.count { $0 == .ping }
            #expect(actions.allSatisfy { $0 == .ping })
        }
        #expect(watch.patience == 100 && pings == 5)
        #expect(watch.look(sight(false), works: { [] }, at: .seconds(5)) == [.end(.stalled)])
    }

    @Test func whoeverIsHeardIsNotSilentAndWhoeverIsNotReadyIsNotAsked() {
        var watch = HostWatch(HostLimits(), interval: .milliseconds(50))
        for look in 0..<1_000 { #expect(!watch.look(sight(look % 90 == 0), works: { [] }, at: .zero).contains(.end(.stalled))) }
        var starting = HostWatch(HostLimits(), interval: .milliseconds(50))
        for _ in 0..<1_000 { #expect(starting.look(sight(false, isReady: false), works: { [] }, at: .zero).isEmpty) }
    }

    @Test func atItsHardLimitItEndsWhateverItDoes() {
        var watch = HostWatch(HostLimits(), interval: .milliseconds(50))
        #expect(watch.look(sight(true, mebibytes: 1_024), works: { [] }, at: .zero) == [.giveBack])
        #expect(watch.look(sight(true, mebibytes: 1_025), works: { [] }, at: .zero) == [.end(.memory("1025 of 1024 MiB"))])
    }

    @Test func memoryThatNothingUsesEndsAHostWithoutBlame() {
        var watch = HostWatch(HostLimits(), interval: .milliseconds(50)), actions: [HostWatch.Action] = []
        for look in 0...1_250 { actions += watch.look(sight(true, mebibytes: 900), works: { [] }, at: .milliseconds(50 * look)).filter { $0 != .ping } }
        #expect(actions.first == .giveBack)
        #expect(actions.contains(.end(.bloated("900 of 1024 MiB"))))
        #expect(!HostDeath.bloated("").blamesWork && HostDeath.memory("").blamesWork)
    }
}
