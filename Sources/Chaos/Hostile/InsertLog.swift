/// Numbered rows that one client inserted, and what it was told of each. A pure value.
public struct InsertLog: Sendable, Hashable {
    /// What came of all of it.
    public struct Outcome: Sendable, Hashable {
        public var acknowledged = 0
        /// Of them, those that are not there.
        public var lost = 0
        /// Rows that are there more than once, or that nobody sent.
        public var wrong = 0
        /// Requests that were answered with an error, or not at all.
        public var failed = 0
        /// Between two acknowledgements in a row.
        public var longestGap = Duration.zero

        public init() {}

        public var isClean: Bool { lost == 0 && wrong == 0 }

        public mutating func add(_ other: Outcome) {
            acknowledged += other.acknowledged
            lost += other.lost
            wrong += other.wrong
            failed += other.failed
            longestGap = max(longestGap, other.longestGap)
        }
    }

    private var sent: Int64 = 0
    private var acknowledged: Set<Int64> = []
    private var failed = 0
    private var lastAt: Duration?
    private var longestGap = Duration.zero
    private var longestAnswer = Duration.zero

    public init() {}

    /// - Returns: the number of the next row.
    public mutating func next() -> Int64 {
        sent += 1
        return sent
    }

    public mutating func acknowledge(_ row: Int64, at now: Duration, after time: Duration) {
        acknowledged.insert(row)
        if let lastAt { longestGap = max(longestGap, now - lastAt) }
        lastAt = now
        longestAnswer = max(longestAnswer, time)
    }

    public mutating func fail(after time: Duration) {
        failed += 1
        longestAnswer = max(longestAnswer, time)
    }

    /// The longest time one request took since this was asked for the last time.
    public mutating func takeLongestAnswer() -> Duration {
        defer { longestAnswer = .zero }
        return longestAnswer
    }

    public var failures: Int { failed }

    /// How many requests came to an end so far.
    public var answers: Int { acknowledged.count + failed }

    /// - Parameter rows: all that are there.
    public func compared(with rows: [Int64]) -> Outcome {
        var outcome = Outcome(), seen: Set<Int64> = []
        for row in rows where !(1...max(1, sent)).contains(row) || sent == 0 || !seen.insert(row).inserted { outcome.wrong += 1 }
        outcome.acknowledged = acknowledged.count
        outcome.lost = acknowledged.subtracting(seen).count
        outcome.failed = failed
        outcome.longestGap = longestGap
        return outcome
    }
}
