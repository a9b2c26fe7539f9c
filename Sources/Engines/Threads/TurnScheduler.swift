import DequeModule
import FleetModel
import HeapModule

/// Which lane gets a thread next, and which turns count as long: a value without threads and clocks.
///
/// Lanes belong to accounts, one for each database. Of those that wait, the account that has used threads for the shortest time comes first; one that was quiet
/// begins with as much as the one served last, and so cannot save time up; and one that has used much owes a second at most. A turn that has used its budget is long: it gives its place to another
/// one, as nothing can take it off its thread. What an account with long turns begins counts as long from its beginning, so that once the room for long
/// turns is taken it waits for that, and leaves the other threads to those whose turns are short.
struct TurnScheduler<Lane> {
    struct Limits: Sendable, Hashable {
        /// For turns that are not long.
        var threads: Int
        /// Turns that may be long at once, each on a thread more.
        var longThreads: Int
        /// Turns that one account may have under way.
        var share: Int
        /// Nanoseconds of a thread's clock after which a turn is long.
        var budget: Int64

        /// Long turns never take the last of them, as long as there is anybody with short ones.
        var reserved: Int { threads > TurnLimits.reservedThreads ? TurnLimits.reservedThreads : 0 }
    }

    private struct Account {
        /// Nanoseconds of threads' clocks.
        var used: Int64 = 0
        var waiting = Deque<Lane>()
        var underWay = 0
        var long = 0
        /// Short turns that it still has to have until its next ones are taken for short.
        var probation = 0
        var isQueued = false

        var isSlow: Bool { long > 0 || probation > 0 }
        var isIdle: Bool { waiting.isEmpty && underWay == 0 }
    }

    private struct Turn {
        var account: UInt64
        var charged: Int64 = 0
        var isLong: Bool
        /// It has used its budget.
        var isOver = false
    }

    private struct Place: Comparable {
        var used: Int64
        var order: UInt64
        var account: UInt64

        static func < (one: Place, other: Place) -> Bool { (one.used, one.order) < (other.used, other.order) }
    }

    let limits: Limits
    private var accounts: [UInt64: Account] = [:]
    private var turns: [Int: Turn] = [:]
    /// Accounts that wait and may have another turn, by what is expected of them.
    private var quick = Heap<Place>()
    private var slow = Heap<Place>()
    private var lastOrder: UInt64 = 0
    /// What the account served last had used.
    private var floor: Int64 = 0
    private(set) var longTurns = 0
    private(set) var waitingLanes = 0

    init(_ limits: Limits) {
        invariant(limits.threads > 0 && limits.longThreads >= 0 && limits.share > 0 && limits.budget > 0, "limits under which nothing would ever run")
        self.limits = limits
    }

    var turnsUnderWay: Int { turns.count }
    private var shortTurns: Int { turns.count - longTurns }
    /// Threads with which everything runs that may.
    var wantedThreads: Int { limits.threads + longTurns }

    /// Turns that are over their budget and have not given their place away: there is no room for more long ones.
    private var overdueTurns: Int { turns.values.count { $0.isOver && !$0.isLong } }

    // MARK: Events

    /// A lane has work.
    mutating func add(_ lane: Lane, of id: UInt64) {
        waitingLanes += 1
        var account = accounts[id] ?? Account()
        if account.isIdle { account.used = min(max(account.used, floor), floor + limits.budget * Self.budgetsOwed) }
        account.waiting.append(lane)
        enqueue(&account, id)
        accounts[id] = account
        if accounts.count > Self.accountsWorthASweep { sweep() }
    }

    /// A thread is free.
    ///
    /// - Parameter thread: by which the turn is known until it ends.
    /// - Returns: the lane that gets it; `nil` when none may.
    mutating func begin(on thread: Int) -> Lane? {
        invariant(turns[thread] == nil, "a thread begins a turn inside another one")
        guard let (place, isLong) = takeNext(), var account = accounts[place.account] else { return nil }
        invariant(!account.waiting.isEmpty && account.underWay < limits.share, "an account has a turn that may not, or has nothing to do")
        floor = max(floor, account.used)
        account.isQueued = false
        let lane = account.waiting.removeFirst()
        waitingLanes -= 1
        account.underWay += 1
        turns[thread] = Turn(account: place.account, isLong: isLong)
        if isLong {
            longTurns += 1
            account.long += 1
        }
        enqueue(&account, place.account)
        accounts[place.account] = account
        return lane
    }

    /// A turn under way has used so much by now.
    ///
    /// - Parameter isStuck: it holds its thread for long, whatever it has used: it waits for a disk or a lock.
    /// - Returns: whether there is room for another turn now.
    mutating func note(_ thread: Int, used: Int64, isStuck: Bool) -> Bool {
        guard var turn = turns[thread] else { return false }
        charge(&turn, used)
        if used >= limits.budget || isStuck { turn.isOver = true }
        turns[thread] = turn
        guard turn.isOver, !turn.isLong, mayBeLong else { return false }
        turns[thread]?.isLong = true
        longTurns += 1
        change(turn.account) { $0.long += 1 }
        return true
    }

    /// - Returns: whether its thread is one too many now.
    mutating func end(_ thread: Int, used: Int64) -> Bool {
        guard var turn = turns.removeValue(forKey: thread) else { brokenInvariant("a thread ended a turn it had not begun") }
        charge(&turn, used)
        if turn.isLong { longTurns -= 1 }
        let isOver = used >= limits.budget
        change(turn.account) { account in
            account.underWay -= 1
            if turn.isLong { account.long -= 1 }
            invariant(account.underWay >= account.long && account.long >= 0, "more turns ended than began")
            if isOver { account.probation = Self.turnsOfProbation } else if account.probation > 0 { account.probation -= 1 }
        }
        return turn.isLong
    }

    // MARK: What follows from them

    /// Whether ``begin(on:)`` would answer a lane.
    mutating func hasNext() -> Bool {
        guard let (place, _) = takeNext() else { return false }
        // Where it was: it has the same order.
        insert(place, isSlow: accounts[place.account]?.isSlow ?? false)
        return true
    }

    /// There is room for long turns; or there is none, and one more has to be made so that those with short ones are not left without threads.
    private var mayBeLong: Bool {
        if longTurns < limits.longThreads { return true }
        return limits.longThreads > 0 && limits.reserved > 0 && overdueTurns > limits.threads - limits.reserved
    }

    private mutating func takeNext() -> (Place, isLong: Bool)? {
        while true {
            let mayBeShort = shortTurns < limits.threads
            // Without room for long turns at all, all there are share the threads, but for the last.
            let maySlow = limits.longThreads > 0 ? longTurns < limits.longThreads : shortTurns < max(1, limits.threads - limits.reserved)
            let nextQuick = mayBeShort ? quick.min : nil, nextSlow = maySlow ? slow.min : nil
            let isSlow: Bool
            switch (nextQuick, nextSlow) {
            case (nil, nil): return nil
            case (_?, nil): isSlow = false
            case (nil, _?): isSlow = true
            case (let quick?, let slow?): isSlow = slow < quick
            }
            guard let place = isSlow ? slow.popMin() : quick.popMin(), let account = accounts[place.account] else { return nil }
            invariant(account.isQueued && !account.waiting.isEmpty, "an account waits that has nothing to do")
            if account.underWay >= limits.share {
                accounts[place.account]?.isQueued = false
                continue
            }
            // It has changed since it began to wait.
            if account.used != place.used || account.isSlow != isSlow {
                insert(Place(used: account.used, order: place.order, account: place.account), isSlow: account.isSlow)
                continue
            }
            return (place, isSlow && limits.longThreads > 0)
        }
    }

    private mutating func insert(_ place: Place, isSlow: Bool) {
        if isSlow { slow.insert(place) } else { quick.insert(place) }
    }

    private mutating func enqueue(_ account: inout Account, _ id: UInt64) {
        guard !account.isQueued, !account.waiting.isEmpty, account.underWay < limits.share else { return }
        account.isQueued = true
        lastOrder += 1
        insert(Place(used: account.used, order: lastOrder, account: id), isSlow: account.isSlow)
    }

    private mutating func change(_ id: UInt64, _ body: (inout Account) -> Void) {
        guard var account = accounts[id] else { brokenInvariant("a turn belongs to no account") }
        body(&account)
        enqueue(&account, id)
        accounts[id] = account.isIdle && account.used <= floor && account.probation == 0 ? nil : account
    }

    private mutating func charge(_ turn: inout Turn, _ used: Int64) {
        let more = max(0, used - turn.charged)
        turn.charged += more
        accounts[turn.account]?.used += more
    }

    /// Forgets accounts of which there is nothing to remember.
    private mutating func sweep() {
        let floor = floor
        accounts = accounts.filter { !$0.value.isIdle || $0.value.used > floor }
        // Those that have been quiet for long: what they used weighs nothing beside what all others have used since.
        guard accounts.count > Self.accountsWorthASweep else { return }
        accounts = accounts.filter { !$0.value.isIdle }
    }

    private static var turnsOfProbation: Int { 8 }
    private static var budgetsOwed: Int64 { 10 }
    private static var accountsWorthASweep: Int { 16_384 }
}

enum TurnLimits {
    /// That are left to short turns, whatever the others do.
    static let reservedThreads = 2
}
