/// What a check found.
public struct Verdict: Sendable, Hashable, Codable {
    public var violations: [Violation] = []
    public var counts = Counts()

    public struct Counts: Sendable, Hashable, Codable {
        public var requests = 0
        public var acknowledgedWrites = 0
        public var answeredReads = 0
        public var refused = 0
        public var unknown = 0
        /// Acknowledged writes of databases that may lose nothing that are gone: zero, or there is a violation.
        public var lost = 0
        /// Acknowledged writes of `local` databases that went with their leader.
        public var localLost = 0
        /// Of those, the largest time between its acknowledgement and the death.
        public var oldestLocalLoss = Moment(microseconds: 0)
        public var leaderChanges = 0
        public var takeovers = 0
        /// Copies of nodes that were held against what the bucket gives.
        public var comparedCopies = 0
        /// From the end of the faults until everything served; `nil` when something never did.
        public var timeToHeal: Moment?

        public init() {}
    }

    public var isClean: Bool { violations.isEmpty }

    /// Violations of one property are told up to this number; the rest is counted.
    static let toldEach = 25

    mutating func add(_ violation: Violation) { violations.append(violation) }

    /// Keeps the first of each property, and says how many more there are.
    func shortened() -> Verdict {
        var verdict = self, told: [Violation.Property: Int] = [:]
        verdict.violations = violations.filter {
            told[$0.property, default: 0] += 1
            return told[$0.property, default: 0] <= Self.toldEach
        }
        for property in Violation.Property.allCases {
            if let count = told[property], count > Self.toldEach {
                verdict.add(Violation(property, database: nil, "and \(count - Self.toldEach) more"))
            }
        }
        return verdict
    }
}
