import BerthTestKit
import FleetModel
import Testing

/// The clock the other suites rely on.
@Suite(.timeLimit(.minutes(1)))
struct ManualClockTests {
    @Test func timePassesOnlyByAdvancing() {
        let clock = ManualClock(at: .seconds(5))
        #expect(clock.now() == .seconds(5))
        clock.advance(by: .milliseconds(1500))
        clock.advance(by: .zero)
        #expect(clock.now() == .milliseconds(6500))
        #expect(clock.sleepers == 0 && clock.nextDeadline == nil)
    }

    @Test func sleepersWakeWhenTheirTimeHasCome() async throws {
        let clock = ManualClock()
        let sleepers = (1...3).map { number in
            Task {
                try await clock.sleep(for: .seconds(number))
                return clock.now()
            }
        }
        await clock.waitForSleepers(3)
        #expect(clock.nextDeadline == clock.now() + .seconds(1))
        clock.advance(by: .seconds(1) - .nanoseconds(1))
        #expect(clock.sleepers == 3)
        clock.advance(by: .nanoseconds(1))
        #expect(try await sleepers[0].value == .seconds(1001))
        #expect(clock.sleepers == 2 && clock.nextDeadline == .seconds(1002))
        clock.advance(by: .seconds(60))
        for sleeper in sleepers.dropFirst() { #expect(try await sleeper.value == .seconds(1061)) }
        #expect(clock.sleepers == 0)
    }

    @Test func aDeadlineThatHasPassedIsNotWaitedFor() async throws {
        let clock = ManualClock()
        try await clock.sleep(until: clock.now())
        try await clock.sleep(until: .zero)
        try await clock.sleep(for: .seconds(-1))
    }

    @Test func aCancelledSleepEndsAtOnce() async throws {
        let clock = ManualClock()
        let sleeper = Task { try await clock.sleep(for: .seconds(1)) }
        await clock.waitForSleepers(1)
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        #expect(clock.sleepers == 0)
        let cancelledBefore = Task {
            while !Task.isCancelled { await Task.yield() }
            try await clock.sleep(for: .seconds(1))
        }
        cancelledBefore.cancel()
        await #expect(throws: CancellationError.self) { try await cancelledBefore.value }
    }

    /// Waking, cancelling and falling asleep at the same time: everyone ends, and once (twice would trap).
    @Test func everySleepEndsOnce() async {
        let clock = ManualClock()
        for round in 0..<100 {
            let running = SharedCount(20)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try? await clock.sleep(for: .milliseconds(number % 5))
                        running.add(-1)
                    }
                }
                group.addTask {
                    // On and on, for those who fall asleep late.
                    while running.value > 0 {
                        clock.advance(by: .milliseconds(1))
                        await Task.yield()
                    }
                }
                if round % 2 == 0 { group.cancelAll() }
            }
        }
        #expect(clock.sleepers == 0)
    }
}

/// The machine's clock, as far as a test can say anything of it.
@Suite(.timeLimit(.minutes(1)))
struct BootClockTests {
    @Test func itGoesForwardAndIsAlwaysPositive() async throws {
        let clock = BootClock()
        let before = clock.now()
        #expect(before > .zero)
        try await clock.sleep(for: .milliseconds(20))
        #expect(clock.now() - before >= .milliseconds(20))
        // All of one process read the same time.
        #expect(BootClock().now() >= before)
        try await clock.sleep(until: .zero)
    }

    @Test func durationsInUnits() {
        #expect(Duration.milliseconds(1500).seconds == 1.5)
        #expect(Duration.microseconds(1999).milliseconds == 1)
        #expect(Duration.seconds(3).milliseconds == 3000)
        #expect(Duration.zero.seconds == 0)
    }
}
