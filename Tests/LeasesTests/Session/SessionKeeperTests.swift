import BerthTestKit
import FleetModel
import Leases
import Logging
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SessionKeeperTests {
    private let clock = ManualClock()
    private let store: ScriptedLeaseStore
    private let keeper: SessionKeeper
    private let timing = LeaseTiming(ttl: .seconds(5))
    private let span = Duration.milliseconds(4400)

    init() throws {
        store = ScriptedLeaseStore(clock: clock)
        keeper = SessionKeeper(
            session: try NewSession.test(), store: store, clock: clock, logger: .silent)
    }

    /// Lets time pass until the next renewal was sent and answered.
    private func renewOnce() async {
        await clock.waitForSleepers(1)
        guard let deadline = clock.nextDeadline else { return }
        clock.advance(by: deadline - clock.now())
        await clock.waitForSleepers(1)
    }

    /// The gate is open until exactly `deadline`; leaves the clock there. No keeper may run, which would renew in between.
    private func expectClosing(at deadline: Duration, _ location: SourceLocation = #_sourceLocation) {
        clock.advance(by: deadline - clock.now() - .nanoseconds(1))
        #expect(keeper.gate.isOpen, sourceLocation: location)
        clock.advance(by: .nanoseconds(1))
        #expect(!keeper.gate.isOpen, sourceLocation: location)
    }

    @Test func openingOpensTheGateFromItsSending() async throws {
        store.delayOpening(by: .seconds(2))
        let sent = clock.now()
        #expect(!keeper.gate.isOpen)
        try await keeper.open()
        expectClosing(at: sent + span)
    }

    @Test func anOpeningThatIsRefusedLeavesTheGateClosed() async throws {
        try await store.inner.endOwnSession(keeper.session.id, node: keeper.session.node, reason: "test")
        await #expect(throws: LeaseStoreError.self) { try await keeper.open() }
        #expect(!keeper.gate.isOpen)
    }

    /// Trap 1: the deadline counts from the sending, however slow the reply.
    @Test func theDeadlineCountsFromTheSendingOfTheRenewal() async throws {
        try await keeper.open()
        let running = Task { await keeper.run() }
        store.script(.late(.seconds(3)))
        await renewOnce()
        let sent = try #require(store.sent.first)
        #expect(clock.now() == sent + .seconds(3))
        running.cancel()
        #expect(await running.value == nil)
        expectClosing(at: sent + span)
    }

    @Test func renewalsComeEveryThirdOfTheTTLWithJitter() async throws {
        try await keeper.open()
        let running = Task { await keeper.run() }
        let opened = clock.now()
        for _ in 0..<60 {
            await renewOnce()
            #expect(keeper.gate.isOpen)
        }
        running.cancel()
        _ = await running.value
        let intervals = zip([opened] + store.sent, store.sent).map { $1 - $0 }
        let third = timing.ttl / 3
        #expect(intervals.count == 60)
        #expect(intervals.allSatisfy { $0 >= third * 0.9 && $0 <= third })
        #expect(Set(intervals).count > 30)
        #expect(try await store.inner.liveSessions().first?.renewals == 60)
    }

    /// Trap 8, rule 1: an outage closes the gate by time alone; the first success opens it, however late.
    @Test func anOutageClosesTheGateAndItsEndOpensIt() async throws {
        try await keeper.open()
        let opened = clock.now()
        let running = Task { await keeper.run() }
        for _ in 0..<200 { store.script(.unreached(after: .milliseconds(100))) }
        for _ in 0..<200 {
            await renewOnce()
            #expect(keeper.gate.isOpen == (clock.now() < opened + span))
        }
        #expect(clock.now() > opened + timing.ttl * 5)
        #expect(!keeper.gate.isClosedForGood)
        // It tries more often than in good times, because the deadline is nearing.
        let intervals = zip(store.sent, store.sent.dropFirst()).map { $1 - $0 - .milliseconds(100) }
        #expect(intervals.allSatisfy { $0 <= timing.ttl / 12 && $0 >= timing.ttl / 12 * 0.9 })
        await renewOnce()
        let sent = try #require(store.sent.last)
        running.cancel()
        _ = await running.value
        expectClosing(at: sent + span)
    }

    /// Rule 9: the store counted the renewal, but this side does not know.
    @Test func aLostReplyExtendsNothing() async throws {
        try await keeper.open()
        let opened = clock.now()
        let running = Task { await keeper.run() }
        store.script(.lost(after: .milliseconds(500)))
        await renewOnce()
        #expect(try await store.inner.liveSessions().first?.renewals == 1)
        running.cancel()
        _ = await running.value
        expectClosing(at: opened + span)
    }

    /// A pause (trap 5) or a stuck connection: the gate is closed while the reply is out and opens with the next renewal.
    @Test func aReplyLaterThanTheDeadlineOpensNothing() async throws {
        try await keeper.open()
        let running = Task { await keeper.run() }
        store.script(.late(.seconds(60)))
        await renewOnce()
        #expect(!keeper.gate.isOpen)
        await renewOnce()
        #expect(keeper.gate.isOpen)
        running.cancel()
    }

    @Test func aRefusalIsFinal() async throws {
        for reason in [Renewal.Refusal.ended, .revoked, .generationChanged, .unknownSession] {
            let clock = ManualClock()
            let store = ScriptedLeaseStore(clock: clock)
            let keeper = SessionKeeper(
                session: try NewSession.test(), store: store, clock: clock, logger: .silent)
            if reason == .unknownSession {
                keeper.gate.renewed(sentAt: clock.now(), timing: timing)
            } else {
                try await keeper.open()
            }
            switch reason {
            case .ended:
                try await store.inner.endOwnSession(keeper.session.id, node: keeper.session.node, reason: "reaped")
            case .revoked: try await store.inner.revokeSession(keeper.session.id)
            case .generationChanged: store.inner.changeGeneration()
            case .unknownSession: break
            }
            #expect(keeper.gate.isOpen)
            let running = Task { await keeper.run() }
            await clock.waitForSleepers(1)
            clock.advance(by: timing.renewalInterval)
            #expect(await running.value == reason)
            #expect(!keeper.gate.isOpen && keeper.gate.isClosedForGood)
            // Not even a renewal that succeeded before opens it any more.
            keeper.gate.renewed(sentAt: clock.now(), timing: timing)
            #expect(!keeper.gate.isOpen)
            #expect(await keeper.run() == nil)
        }
    }

    @Test func cancellingEndsTheRenewalsAndNothingElse() async throws {
        try await keeper.open()
        let running = Task { await keeper.run() }
        await clock.waitForSleepers(1)
        running.cancel()
        #expect(await running.value == nil)
        #expect(keeper.gate.isOpen)
        #expect(try await store.inner.renew(keeper.session.id) == .renewed)
    }

    /// Rule 3: an owner closes its gate before it ends its session.
    @Test func theOwnerClosesTheGateBeforeTheStoreIsTold() async throws {
        try await keeper.open()
        let wasOpen = Mutex<Bool?>(nil)
        store.scriptEnd { [keeper] in wasOpen.withLock { $0 = keeper.gate.isOpen } }
        #expect(keeper.gate.isOpen)
        try await keeper.end(reason: "test")
        #expect(wasOpen.withLock { $0 } == false)
        #expect(try await store.inner.liveSessions().isEmpty)
    }

    @Test func anEndThatFailsLeavesTheGateClosedForGood() async throws {
        try await keeper.open()
        store.scriptEnd(fails: true) {}
        await #expect(throws: LeaseStoreError.self) { try await keeper.end(reason: "test") }
        #expect(keeper.gate.isClosedForGood)
    }

    @Test func aRenewalUnderWayDoesNotReopenAClosedGate() async throws {
        try await keeper.open()
        let running = Task { await keeper.run() }
        await clock.waitForSleepers(1)
        // The store renews; before the reply arrives the gate is closed.
        store.script(
            ScriptedLeaseStore.Reply(meanwhile: { [keeper] in keeper.gate.closeForGood() }))
        clock.advance(by: timing.renewalInterval)
        #expect(await running.value == nil)
        #expect(store.sent.count == 1)
        #expect(!keeper.gate.isOpen && keeper.gate.isClosedForGood)
    }

    /// At every moment: open exactly when a renewal that succeeded was sent less than the span ago.
    @Test(arguments: Array(UInt64(1)...12))
    func theGateFollowsTheLastSuccess(_ seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        try await keeper.open()
        var lastSuccess = clock.now()
        let running = Task { await keeper.run() }
        for _ in 0..<150 {
            let delay = Duration.milliseconds(Int.random(in: 0...(Bool.random(using: &generator) ? 200 : 6000), using: &generator))
            let kind: ScriptedLeaseStore.Reply.Kind = [.answered, .answered, .lost, .unreached]
                .randomElement(using: &generator) ?? .answered
            store.script(ScriptedLeaseStore.Reply(kind: kind, delay: delay))
            await renewOnce()
            let sent = try #require(store.sent.last)
            if case .answered = kind { lastSuccess = sent }
            #expect(keeper.gate.isOpen == (clock.now() < lastSuccess + span))
        }
        running.cancel()
        _ = await running.value
    }
}
