import FleetModel

/// Who waits for news of which database, and when its route is looked up next on their behalf. A value without I/O.
struct WaitingList: Sendable {
    private struct Watch {
        var wakeups: [Int: Wakeup] = [:]
        /// The next look-up, at the latest.
        var nextLook: Duration
    }

    private var watches: [DatabaseName: Watch] = [:]
    private var nextID = 0
    /// Those among the waiting that count against the limit.
    private(set) var waitersForLeaders = 0

    /// Adds a waiter.
    ///
    /// - Parameter nextLook: when the route is to be looked up, if nobody waits for it yet.
    /// - Returns: what `leave` needs.
    mutating func enter(_ name: DatabaseName, _ wakeup: Wakeup, nextLook: Duration, counts: Bool) -> Int {
        nextID += 1
        watches[name, default: Watch(nextLook: nextLook)].wakeups[nextID] = wakeup
        if counts { waitersForLeaders += 1 }
        return nextID
    }

    mutating func leave(_ name: DatabaseName, _ id: Int, counts: Bool) {
        watches[name]?.wakeups[id] = nil
        if watches[name]?.wakeups.isEmpty == true { watches[name] = nil }
        if counts { waitersForLeaders -= 1 }
        invariant(waitersForLeaders >= 0, "more left than waited")
    }

    func nextLook(of name: DatabaseName) -> Duration? { watches[name]?.nextLook }

    mutating func looking(up name: DatabaseName, next: Duration) { watches[name]?.nextLook = next }

    func wakeups(for name: DatabaseName) -> [Wakeup] { watches[name].map { Array($0.wakeups.values) } ?? [] }

    /// Makes a look-up due at once for the names that have news.
    ///
    /// - Returns: whom to wake.
    mutating func news(of hasNews: (DatabaseName) -> Bool) -> [Wakeup] {
        var wakeups: [Wakeup] = []
        for name in watches.keys where hasNews(name) {
            watches[name]?.nextLook = .zero
            wakeups += self.wakeups(for: name)
        }
        return wakeups
    }
}
