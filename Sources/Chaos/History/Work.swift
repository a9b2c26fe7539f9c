/// The two tables of a database that clients add rows to. A row is never changed or removed.
public enum Ledger: String, Sendable, Hashable, Codable, CaseIterable {
    /// One statement outside a transaction.
    case appends
    /// One row per transfer, written in the transaction that changes the balances.
    case transfers
}

/// A row a client wants to add.
public struct Write: Sendable, Hashable {
    public var ledger: Ledger
    public var client: Int
    /// Rises by one with every write of this client to this ledger of this database, whatever became of the one before.
    public var number: Int
    /// Unique in the run, so that a row that is there can only be the one that was written.
    public var token: String

    public init(ledger: Ledger, client: Int, number: Int, token: String) {
        self.ledger = ledger
        self.client = client
        self.number = number
        self.token = token
    }
}

/// Money from one account of a database to another.
public struct Transfer: Sendable, Hashable {
    public var from: Int
    public var to: Int
    public var amount: Int64

    public init(from: Int, to: Int, amount: Int64) {
        self.from = from
        self.to = to
        self.amount = amount
    }
}

/// What a request asks for.
public enum Work: Sendable, Hashable {
    /// - Parameter isLoad: whether the row is loaded, instead of inserted by a statement.
    case append(Write, isLoad: Bool = false)
    /// - Parameter isInteractive: whether the transaction takes several requests.
    case transfer(Write, Transfer, isInteractive: Bool)
    /// A strong read: what every client has written so far, and the sum of all balances, in one statement.
    ///
    /// - Parameters:
    ///   - isCursor: whether the rows are read through a cursor.
    ///   - isHeld: whether the transaction stays open for a while, and everything is read again before it ends.
    case read(isCursor: Bool = false, isHeld: Bool = false)

    public var write: Write? {
        switch self {
        case .append(let write, _), .transfer(let write, _, _): write
        case .read: nil
        }
    }
}
