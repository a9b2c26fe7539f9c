/// What a client learned of its request.
public enum Outcome: Sendable, Hashable {
    /// The write is done.
    case acknowledged
    /// The read was answered.
    case observed(Observation)
    /// An answer, or the lack of a connection, that promises that nothing was changed.
    case refused(String)
    /// The write may have been done or not.
    case unknown(String)
}

/// What a strong read saw.
public struct Observation: Sendable, Hashable {
    /// What one client had written.
    public struct Tally: Sendable, Hashable, Codable {
        public var ledger: Ledger
        public var client: Int
        /// The highest number.
        public var last: Int
        public var count: Int

        public init(ledger: Ledger, client: Int, last: Int, count: Int) {
            self.ledger = ledger
            self.client = client
            self.last = last
            self.count = count
        }
    }

    /// Those of clients that had written anything.
    public var tallies: [Tally]
    /// The sum of all balances.
    public var total: Int64
    /// Of a read that held its transaction open: it saw the same at its end.
    public var isRepeatable: Bool

    public init(tallies: [Tally], total: Int64, isRepeatable: Bool = true) {
        self.tallies = tallies
        self.total = total
        self.isRepeatable = isRepeatable
    }
}
