import Chaos
import Testing

@testable import berth_chaos

@Suite struct BucketTroublesTests {
    /// All bodies share one speed, however many connections there are, and time that passed unused is not saved up.
    @Test func bytesGoThroughAtTheSpeedOfTheMoment() {
        let troubles = BucketTroubles(seed: 1), start = ContinuousClock.now
        #expect(troubles.pause(after: 1_000_000, now: start) == .zero)
        let ticket = troubles.impose(BucketTrouble(bytesPerSecond: 500_000))
        #expect(troubles.pause(after: 250_000, now: start) == .milliseconds(500))
        #expect(troubles.pause(after: 250_000, now: start) == .milliseconds(1_000))
        #expect(troubles.pause(after: 50_000, now: start + .seconds(10)) == .milliseconds(100))
        let slower = troubles.impose(BucketTrouble(bytesPerSecond: 50_000))
        #expect(troubles.pause(after: 50_000, now: start + .seconds(20)) == .seconds(1))
        troubles.lift(slower)
        troubles.lift(ticket)
        #expect(troubles.pause(after: 1_000_000, now: start + .seconds(20)) == .zero)
    }
}
