import FleetModel
import Testing

struct BootInstantTests {
    @Test func itIsTheClockOfTheRuntime() {
        // Read in turns, each lies between the two beside it.
        let start = ContinuousClock.now, first = BootInstant.now, middle = ContinuousClock.now, second = BootInstant.now
        #expect(first <= second && second - first >= .zero)
        #expect(second - first <= start.duration(to: .now) && start <= middle)
    }

    @Test func durationsAreAddedAndTakenAway() {
        let instant = BootInstant(nanoseconds: 5_000_000_000)
        #expect((instant + .milliseconds(1)).nanoseconds == 5_001_000_000)
        #expect((instant - .seconds(2)).nanoseconds == 3_000_000_000)
        #expect((instant + .seconds(3)) - instant == .seconds(3))
        #expect(instant - (instant + .seconds(3)) == .seconds(-3))
        #expect(instant < instant + .nanoseconds(1) && instant + .nanoseconds(-1) < instant)
    }

    @Test func whatIsTooFarIsAsFarAsItGets() {
        let instant = BootInstant(nanoseconds: 5)
        #expect(instant + .seconds(Int64.max) == BootInstant(nanoseconds: .max))
        #expect(BootInstant(nanoseconds: .max) + .seconds(1) == BootInstant(nanoseconds: .max))
        #expect(BootInstant(nanoseconds: .min) - .seconds(1) == BootInstant(nanoseconds: .min))
    }
}
