import Chaos
import FleetModel
import Foundation

/// Runs everything of a simulation on one thread, in an order that its seed decides, in a time of its own.
///
/// Jobs of Swift concurrency arrive through ``ConcurrencyHook``; timers and messages are events at a time. As long as
/// there are jobs, one of them is chosen by chance; when there are none, time goes on to the next event.
final class Scheduler: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on; the hook refuses any other.

    private struct Ready {
        let life: Life
        let run: () -> Void
    }

    private final class Event {
        let time: Duration
        let order: UInt64
        let life: Life
        let run: () -> Void

        init(time: Duration, order: UInt64, life: Life, run: @escaping () -> Void) {
            self.time = time
            self.order = order
            self.life = life
            self.run = run
        }
    }

    /// Whose job runs; what it sets going is of the same life.
    private(set) var current: Life
    /// Of the harness itself: never killed and never still.
    let harness = Life("harness")
    private(set) var now = Duration.zero
    /// Decides about order, messages and faults.
    var chance: SplitMix
    private(set) var steps = 0
    private var ready: [Ready] = []
    private var events: [Event] = []
    private var order: UInt64 = 0
    /// Those who wait inside a job, with their frames on the stack, the innermost last: when it is over at the latest, and whether it is already.
    private var waits: [(until: Duration, isOver: () -> Bool)] = []
    private static let deepestWait = 3
    private var stepsOfThisMoment = 0
    /// Who kept so busy that time did not go on: a loop without an end.
    private(set) var busy: Life?
    /// Looked at after every step; ends the run with what it finds broken.
    var check: () -> String? = { nil }
    /// What ``check`` found, and after how many steps.
    private(set) var broken: (what: String, step: Int)?
    /// Far more steps than anything that ends takes at one moment.
    private static let patience = 200_000

    /// How likely it is, per million clock readings, that the reader stands still right there; 0 for never.
    var standstillsPerMillion: UInt64 = 0
    /// How long such a standstill lasts.
    var standstill: ClosedRange<Duration> = .milliseconds(1)...(.milliseconds(1))
    /// Told of every standstill inside a job.
    var onStandstill: (Life, Duration) -> Void = { _, _ in }

    init(seed: UInt64) {
        chance = SplitMix(seed: seed)
        current = harness
    }

    // MARK: What is to run

    func enqueue(_ run: @escaping () -> Void) {
        // What frames of a dead life on the stack still set going.
        guard !current.isDead else { return }
        ready.append(Ready(life: current, run: run))
    }

    /// Runs `run` as part of `life` after `delay`; never when it is dead by then, later when it stands still.
    func after(_ delay: Duration, on life: Life, _ run: @escaping () -> Void) {
        order += 1
        insert(Event(time: now + max(delay, .zero), order: order, life: life, run: run))
    }

    /// Sets `body` going as part of `life`, now.
    @discardableResult
    func start(on life: Life, _ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        let former = current
        current = life
        defer { current = former }
        return Task.detached { await body() }
    }

    func kill(_ life: Life) {
        life.isDead = true
        ready.removeAll { $0.life === life }
        let obituary = life.obituary
        life.obituary = [:]
        for (_, notice) in obituary.sorted(by: { $0.key < $1.key }) { notice() }
    }

    // MARK: Running

    /// Runs until `condition` holds.
    ///
    /// - Returns: whether it did, before `limit`.
    func run(until limit: Duration, _ condition: () -> Bool = { false }) -> Bool {
        while !condition() {
            guard now < limit else { return false }
            guard step(upTo: limit) else { return condition() }
        }
        return true
    }

    /// - Returns: `false` when nothing is left to do before `limit`.
    private func step(upTo limit: Duration) -> Bool {
        steps += 1
        stepsOfThisMoment += 1
        if stepsOfThisMoment > Self.patience { busy = busy ?? current }
        guard busy == nil, broken == nil else { return false }
        if let index = chooseReady() {
            let job = ready.remove(at: index)
            run(job.life, job.run)
            return true
        }
        guard let event = popEvent() else {
            now = limit
            return false
        }
        if event.time > limit {
            insert(event)
            now = limit
            return false
        }
        if event.time > now {
            now = event.time
            stepsOfThisMoment = 0
        }
        if event.life.isDead { return true }
        if event.life.standsStillUntil > now {
            insert(Event(time: event.life.standsStillUntil, order: event.order, life: event.life, run: event.run))
        } else {
            run(event.life, event.run)
        }
        return true
    }

    private func run(_ life: Life, _ job: () -> Void) {
        let former = current
        current = life
        job()
        if stepsOfThisMoment == Self.patience { busy = life }
        // Nothing of the check belongs to anybody's life.
        current = harness
        if broken == nil, let what = check() { broken = (what, steps) }
        current = former
    }

    private func chooseReady() -> Int? {
        guard !ready.isEmpty else { return nil }
        let start = Int.random(in: 0..<ready.count, using: &chance)
        for offset in 0..<ready.count {
            let index = (start + offset) % ready.count
            if ready[index].life.standsStillUntil <= now { return index }
        }
        return nil
    }

    /// Lets the running life stand still here and now, by chance, while all others go on: between any two statements that
    /// look at the clock, and there are none that matter which do not.
    func mayStandStill() {
        guard standstillsPerMillion > 0, current !== harness, !current.isDead, waits.count < Self.deepestWait,
            UInt64.random(in: 0..<1_000_000, using: &chance) < standstillsPerMillion
        else { return }
        let life = current
        let until = latestEnd(now + chance.duration(in: standstill))
        onStandstill(life, until - now)
        // Its own jobs are not chosen meanwhile, so what it holds locked is waited for by nobody.
        life.standsStillUntil = max(life.standsStillUntil, until)
        wait(until: until) { false }
    }

    /// Lets the running job take its time here and now, as a thread that computes, while everything else goes on, its own life too.
    ///
    /// Nothing may be locked that anybody else of its life needs.
    ///
    /// - Parameter isOver: ends it before.
    func takeTime(_ duration: Duration, unless isOver: @escaping () -> Bool) {
        guard current !== harness, waits.count < Self.deepestWait else { return }
        wait(until: latestEnd(now + duration), unless: isOver)
    }

    /// One inside another ends no later than that: what waits outside has frames on the stack below, with what they hold locked, and goes on only
    /// when these are back on top.
    private func latestEnd(_ wanted: Duration) -> Duration { waits.last.map { min($0.until, wanted) } ?? wanted }

    private func wait(until end: Duration, unless isOver: @escaping () -> Bool) {
        let life = current
        life.jobsOnStack += 1
        waits.append((end, { isOver() || life.isEnding || life.isDead }))
        while now < end, busy == nil, broken == nil, !waits.contains(where: { $0.isOver() }) { _ = step(upTo: end) }
        waits.removeLast()
        life.jobsOnStack -= 1
        current = life
    }

    // MARK: Events, the earliest first: a binary heap

    private static func precedes(_ left: Event, _ right: Event) -> Bool {
        left.time == right.time ? left.order < right.order : left.time < right.time
    }

    private func insert(_ event: Event) {
        events.append(event)
        var child = events.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.precedes(events[child], events[parent]) else { break }
            events.swapAt(child, parent)
            child = parent
        }
    }

    private func popEvent() -> Event? {
        guard let first = events.first else { return nil }
        let last = events.removeLast()
        guard !events.isEmpty else { return first }
        events[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < events.count && Self.precedes(events[child], events[least]) {
                least = child
            }
            guard least != parent else { return first }
            events.swapAt(parent, least)
            parent = least
        }
    }
}
