/// A promise of Berth's that a history breaks.
public struct Violation: Sendable, Hashable, Codable, CustomStringConvertible {
    public enum Property: String, Sendable, Hashable, Codable, CaseIterable {
        /// An acknowledged write, or one that a strong read showed, of a database that may lose nothing.
        case acknowledgedWriteLost = "acknowledged-write-lost"
        /// A `local` write older than what may be unshipped when a leader dies, or lost without a death.
        case localWriteLostOutsideAllowance = "local-write-lost-outside-allowance"
        /// What a death took of a `local` database is not the end of its history.
        case hole = "hole-in-history"
        case writeAppliedTwice = "write-applied-twice"
        /// A write comes after one that was sent only when it had been acknowledged.
        case writesReordered = "writes-reordered"
        /// A write is there that an answer promised was not executed.
        case refusedWritePresent = "refused-write-present"
        /// A row that nobody wrote.
        case stranger = "row-nobody-wrote"
        /// A strong read does not show what was acknowledged, or shown to another, before it began.
        case staleRead = "stale-read"
        /// A transaction that only reads saw something else at its end than at its beginning.
        case unrepeatableRead = "unrepeatable-read"
        /// Balances do not add up to what was there at the beginning.
        case sumBroken = "sum-broken"
        /// A balance differs from the transfers that are there.
        case balanceWrong = "balance-wrong"
        /// A node's files say that they are a published state, and differ from what the bucket gives for it.
        case copyDiffers = "copy-differs"
        case twoLeaders = "two-leaders-in-one-epoch"
        case epochFell = "epoch-fell"
        /// What must hold at every moment did not, in a simulation that looks after every step.
        case invariantBroken = "invariant-broken"
        /// After the faults something did not serve in time.
        case notHealed = "not-healed"
        /// A database was never written, read, or read back: the run says nothing about it.
        case untested = "untested"
    }

    public var property: Property
    public var database: String?
    /// For a person: what, when, and how far off.
    public var message: String
    /// Identifiers of the requests that show it.
    public var requests: [Int]

    public init(_ property: Property, database: String?, _ message: String, requests: [Int] = []) {
        self.property = property
        self.database = database
        self.message = message
        self.requests = requests
    }

    public var description: String {
        "\(property.rawValue)\(database.map { " in \($0)" } ?? ""): \(message)"
            + (requests.isEmpty ? "" : " [requests \(requests.map(String.init).joined(separator: ", "))]")
    }
}
