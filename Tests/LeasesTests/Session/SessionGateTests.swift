import BerthTestKit
import FleetModel
import Leases
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SessionGateTests {
    private let timing = LeaseTiming(ttl: .seconds(5))
    /// What a renewal buys: TTL less the margin of rule 1.
    private let span = Duration.milliseconds(4400)

    @Test func theTimesOfRuleOne() {
        #expect(LeaseTiming().ttl == .seconds(5))
        #expect(timing.margin == .milliseconds(600))
        #expect(timing.renewalInterval == .seconds(5) / 3)
    }

    @Test func closedUntilTheFirstRenewal() {
        let clock = ManualClock()
        let gate = SessionGate(clock: clock)
        #expect(!gate.isOpen && !gate.isClosedForGood)
        clock.advance(by: .seconds(1_000_000))
        #expect(!gate.isOpen)
        gate.renewed(sentAt: clock.now(), timing: timing)
        #expect(gate.isOpen)
    }

    @Test func closesExactlyAtTheDeadline() {
        let clock = ManualClock()
        let gate = SessionGate(clock: clock)
        gate.renewed(sentAt: clock.now(), timing: timing)
        clock.advance(by: span - .nanoseconds(1))
        #expect(gate.isOpen)
        clock.advance(by: .nanoseconds(1))
        #expect(!gate.isOpen && !gate.isClosedForGood)
    }

    @Test func theDeadlineCountsFromTheSending() {
        let clock = ManualClock()
        let gate = SessionGate(clock: clock)
        let sent = clock.now()
        clock.advance(by: .seconds(3))
        gate.renewed(sentAt: sent, timing: timing)
        clock.advance(by: span - .seconds(3) - .nanoseconds(1))
        #expect(gate.isOpen)
        clock.advance(by: .nanoseconds(1))
        #expect(!gate.isOpen)
    }

    /// A reply that took longer than the deadline proves that the session lived, not that it lives.
    @Test func aReplyAfterItsOwnDeadlineOpensNothing() {
        let clock = ManualClock()
        let gate = SessionGate(clock: clock)
        let sent = clock.now()
        clock.advance(by: span)
        gate.renewed(sentAt: sent, timing: timing)
        #expect(!gate.isOpen)
    }

    @Test func aLateSuccessOpensItAgain() {
        let clock = ManualClock()
        let gate = SessionGate(clock: clock)
        gate.renewed(sentAt: clock.now(), timing: timing)
        clock.advance(by: .seconds(3600))
        #expect(!gate.isOpen)
        gate.renewed(sentAt: clock.now(), timing: timing)
        #expect(gate.isOpen)
    }

    @Test func anOlderRenewalTakesNothingBack() {
        let clock = ManualClock()
        let gate = SessionGate(clock: clock)
        let early = clock.now()
        clock.advance(by: .seconds(2))
        gate.renewed(sentAt: clock.now(), timing: timing)
        gate.renewed(sentAt: early, timing: timing)
        clock.advance(by: span - .nanoseconds(1))
        #expect(gate.isOpen)
    }

    @Test func closedForGoodStaysClosed() {
        let clock = ManualClock()
        let gate = SessionGate(clock: clock)
        gate.renewed(sentAt: clock.now(), timing: timing)
        gate.closeForGood()
        #expect(!gate.isOpen && gate.isClosedForGood)
        gate.renewed(sentAt: clock.now(), timing: timing)
        clock.advance(by: .seconds(100))
        gate.renewed(sentAt: clock.now(), timing: timing)
        #expect(!gate.isOpen && gate.isClosedForGood)
    }

    /// Renewals that race a closing never win.
    @Test func closingWinsAgainstRenewalsAtTheSameTime() async {
        let clock = ManualClock()
        for _ in 0..<200 {
            clock.advance(by: .seconds(1))
            let gate = SessionGate(clock: clock)
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<4 {
                    group.addTask { [timing] in
                        for step in 0..<20 {
                            gate.renewed(sentAt: clock.now() - .milliseconds(step * 4 + index), timing: timing)
                        }
                    }
                }
                group.addTask { gate.closeForGood() }
            }
            #expect(!gate.isOpen && gate.isClosedForGood)
        }
    }

    /// Whatever the order in which renewals are reported, the latest sent one counts.
    @Test(arguments: [UInt64(1), 2, 3])
    func theLatestSentRenewalDecides(_ seed: UInt64) async {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let clock = ManualClock()
            let gate = SessionGate(clock: clock)
            let sent = (0..<8).map { _ in clock.now() + .milliseconds(Int.random(in: 0...4_000, using: &generator)) }
            clock.advance(by: .seconds(4))
            await withTaskGroup(of: Void.self) { group in
                for time in sent { group.addTask { [timing] in gate.renewed(sentAt: time, timing: timing) } }
            }
            guard let latest = sent.max() else { continue }
            clock.advance(by: latest + span - clock.now() - .nanoseconds(1))
            #expect(gate.isOpen)
            clock.advance(by: .nanoseconds(1))
            #expect(!gate.isOpen)
        }
    }
}
