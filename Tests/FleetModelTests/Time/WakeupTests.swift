import BerthTestKit
import FleetModel
import Testing

@Suite(.timeLimit(.minutes(2)))
struct WakeupTests {
    private let clock = ManualClock()

    @Test func aSignalBeforeTheWaitIsKept() async {
        let wakeup = Wakeup()
        wakeup.signal()
        await wakeup.wait(clock: clock)
        wakeup.signal()
        wakeup.signal()
        await wakeup.wait(until: clock.now() + .seconds(1), clock: clock)
        #expect(clock.sleepers == 0)
    }

    /// Many signals are one: the waiter looks once for all of them.
    @Test func signalsAreNotCounted() async {
        let wakeup = Wakeup()
        for _ in 0..<5 { wakeup.signal() }
        await wakeup.wait(clock: clock)
        let second = Task { [clock] in await wakeup.wait(until: clock.now() + .seconds(1), clock: clock) }
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        await second.value
    }

    @Test func aSignalEndsTheWait() async {
        let wakeup = Wakeup()
        let waiting = Task { [clock] in await wakeup.wait(until: clock.now() + .seconds(1), clock: clock) }
        await clock.waitForSleepers(1)
        wakeup.signal()
        await waiting.value
        #expect(clock.sleepers == 0)
    }

    @Test func theDeadlineEndsTheWaitAndLaterSignalsAreKept() async {
        let wakeup = Wakeup()
        let waiting = Task { [clock] in await wakeup.wait(until: clock.now() + .seconds(1), clock: clock) }
        await clock.waitForSleepers(1)
        clock.advance(by: .milliseconds(999))
        #expect(clock.sleepers == 1)
        clock.advance(by: .milliseconds(1))
        await waiting.value
        wakeup.signal()
        await wakeup.wait(clock: clock)
    }

    @Test func aDeadlineThatHasPassedDoesNotWait() async {
        await Wakeup().wait(until: clock.now(), clock: clock)
        await Wakeup().wait(until: .zero, clock: clock)
    }

    @Test(arguments: [true, false])
    func aCancellationEndsTheWait(_ hasDeadline: Bool) async {
        let wakeup = Wakeup()
        let waiting = Task { [clock] in
            await wakeup.wait(until: hasDeadline ? clock.now() + .seconds(1) : nil, clock: clock)
        }
        if hasDeadline { await clock.waitForSleepers(1) }
        waiting.cancel()
        await waiting.value
        // A wait cancelled before it begins returns as well, and a signal after it is kept.
        wakeup.signal()
        await wakeup.wait(clock: clock)
    }

    /// A producer and a consumer at full speed: whatever was done before a signal is seen after some wait.
    @Test(arguments: [true, false])
    func nothingDoneBeforeASignalIsMissed(_ hasDeadline: Bool) async {
        for _ in 0..<20 {
            let wakeup = Wakeup()
            let produced = SharedCount()
            let target = 2000
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [clock] in
                    var seen = 0
                    while seen < target {
                        // Never reached: time stands still. A lost signal hangs here, and the suite has a time limit.
                        await wakeup.wait(until: hasDeadline ? clock.now() + .seconds(1) : nil, clock: clock)
                        seen = produced.value
                    }
                }
                for _ in 0..<4 {
                    group.addTask {
                        for index in 0..<(target / 4) {
                            produced.add(1)
                            wakeup.signal()
                            if index % 64 == 0 { await Task.yield() }
                        }
                    }
                }
            }
            #expect(produced.value == target)
        }
    }

    /// Deadlines and signals at the same time: a signal whose wait ended by its deadline is seen or kept.
    @Test func aSignalAtTheDeadlineIsNotLost() async {
        for _ in 0..<300 {
            let wakeup = Wakeup()
            let done = SharedCount()
            let waiting = Task { [clock] in
                var waits = 0
                while done.value == 0 {
                    await wakeup.wait(until: waits == 0 ? clock.now() + .milliseconds(1) : nil, clock: clock)
                    waits += 1
                }
                return waits
            }
            await clock.waitForSleepers(1)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [clock] in clock.advance(by: .milliseconds(1)) }
                group.addTask {
                    done.add(1)
                    wakeup.signal()
                }
            }
            #expect((1...2).contains(await waiting.value))
        }
    }
}
