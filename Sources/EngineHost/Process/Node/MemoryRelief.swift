import FleetModel

/// What is done about a host that takes more memory than it should: a pure value.
///
/// Above its soft limit, what its engine has freed is given back first, which costs nobody anything. Where the memory grows while it is looked at, or that
/// did not help, the request that has run for longest ends: one at a time, each with time for its effect. When requests end and no memory comes back, it
/// is not theirs: from then on they are left alone, until the host goes on growing. One that stays above the limit for long ends as soon as nothing is being carried out
/// in it, so that nobody has to end for it later. At the hard limit a host ends whatever it does; that is not decided here.
struct MemoryRelief {
    enum Action: Hashable {
        /// What is free goes back to the machine.
        case giveBack
        /// The request whose work has this number ends.
        case giveWay(work: UInt64)
        /// The host ends. It is at rest.
        case recycle
    }

    private enum State {
        case calm
        /// What is free was asked for, at so many bytes.
        case givingBack(since: Duration, from: Int64)
        /// A request is to end.
        case ending(work: UInt64, since: Duration, from: Int64)
        /// It ended: does that show?
        case ended(since: Duration, from: Int64)
        /// Requests are not why so much is taken.
        case leftAlone(at: Int64)
    }

    private let limits: HostLimits
    private var state = State.calm
    private var aboveSince = Duration.zero
    private var last: Int64 = 0
    /// Requests that ended in a row without any memory coming back.
    private var fruitless = 0
    /// Work that does not end. It has a watchdog of its own.
    private var deaf: Set<UInt64> = []

    init(_ limits: HostLimits) {
        invariant(limits.softMemoryBytes < limits.memoryBytes && limits.reliefAttempts > 0, "a host is ended before anything is done about its memory")
        self.limits = limits
    }

    /// Of the hard limit, what has to come back for an end to have helped.
    private var worthwhile: Int64 { limits.memoryBytes / 32 }
    /// By so much more it has grown again.
    private var growth: Int64 { (limits.memoryBytes - limits.softMemoryBytes) / 4 }

    /// - Parameters:
    ///   - resident: bytes the host takes.
    ///   - works: everything it is carrying out.
    mutating func look(resident: Int64, works: () -> [ExecutionBoard.Work], at now: Duration) -> Action? {
        defer { last = resident }
        guard resident > limits.softMemoryBytes else {
            self = MemoryRelief(limits)
            return nil
        }
        switch state {
        case .calm:
            aboveSince = now
            // What grows is being used.
            if last > 0, resident > last { return end(works(), resident, now) }
            state = .givingBack(since: now, from: resident)
            return .giveBack
        case .givingBack(let since, let from):
            guard resident > from || now - since >= limits.reliefTime else { return nil }
            return end(works(), resident, now)
        case .ending(let work, let since, let from):
            guard works().contains(where: { $0.number == work }) else {
                state = .ended(since: now, from: from)
                return nil
            }
            guard now - since >= limits.watchdogGrace else { return nil }
            deaf.insert(work)
            return judge(from: from, resident, works(), now)
        case .ended(let since, let from):
            guard now - since >= limits.reliefTime else { return nil }
            return judge(from: from, resident, works(), now)
        case .leftAlone(let level):
            if resident - level >= growth {
                fruitless = limits.reliefAttempts - 1
                return end(works(), resident, now)
            }
            return now - aboveSince >= limits.recycleTime && works().isEmpty ? .recycle : nil
        }
    }

    /// Whether ending a request has helped, and what is next.
    private mutating func judge(from: Int64, _ resident: Int64, _ works: [ExecutionBoard.Work], _ now: Duration) -> Action? {
        fruitless = from - resident >= worthwhile ? 0 : fruitless + 1
        guard fruitless < limits.reliefAttempts else {
            state = .leftAlone(at: resident)
            return nil
        }
        return end(works, resident, now)
    }

    /// Ends the request that has run for longest.
    private mutating func end(_ works: [ExecutionBoard.Work], _ resident: Int64, _ now: Duration) -> Action? {
        deaf.formIntersection(works.map(\.number))
        let candidates = works.filter { $0.isRequest && !deaf.contains($0.number) }
        guard let longest = candidates.min(by: { ($0.since, $0.number) < ($1.since, $1.number) }) else {
            state = .leftAlone(at: resident)
            return nil
        }
        state = .ending(work: longest.number, since: now, from: resident)
        return .giveWay(work: longest.number)
    }
}
