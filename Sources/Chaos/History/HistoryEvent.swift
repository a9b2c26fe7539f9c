/// One thing that happened in a run, in the order in which the harness saw it.
public enum HistoryEvent: Sendable, Hashable {
    /// A database was made.
    case database(TestedDatabase)
    case started(RequestStart)
    case finished(RequestFinish)
    case leaseChanged(LeaseChange)
    case sessionOpened(SessionOpening)
    case sessionEnded(SessionEnd)
    /// No fault is in effect any more.
    case healed(Moment)
    /// A database served again, the first time after ``healed(_:)``.
    case served(Served)
    /// Everything in a database, at the end.
    case contents(Contents)
    /// A node's files and the bucket's, after everything has stopped.
    case compared(Comparison)
}

/// A database and what was promised for it.
public struct TestedDatabase: Sendable, Hashable {
    public var name: String
    /// As the REST API spells it.
    public var engine: String
    /// As the REST API spells it. `local` may lose what was not shipped; nothing else loses anything.
    public var durability: String
    public var accounts: Int
    /// Of every account, at the beginning.
    public var balance: Int64

    public init(name: String, engine: String = "sqlite", durability: String, accounts: Int, balance: Int64) {
        self.name = name
        self.engine = engine
        self.durability = durability
        self.accounts = accounts
        self.balance = balance
    }

    /// What all balances must add up to, always.
    public var total: Int64 { Int64(accounts) * balance }
    public var mayLoseUnshipped: Bool { durability == "local" }
}

public struct RequestStart: Sendable, Hashable {
    public var id: Int
    public var client: Int
    public var database: String
    /// The gateway or node that was asked.
    public var through: String
    public var at: Moment
    public var work: Work

    public init(id: Int, client: Int, database: String, through: String, at: Moment, work: Work) {
        self.id = id
        self.client = client
        self.database = database
        self.through = through
        self.at = at
        self.work = work
    }
}

public struct RequestFinish: Sendable, Hashable {
    public var id: Int
    public var at: Moment
    public var outcome: Outcome

    public init(id: Int, at: Moment, outcome: Outcome) {
        self.id = id
        self.at = at
        self.outcome = outcome
    }
}

/// A lease row as it became. Written down by Postgres itself, so none is missed.
public struct LeaseChange: Sendable, Hashable {
    public var database: String
    public var epoch: Int64
    /// Who holds it now; `nil` for nobody.
    public var session: String?
    public var at: Moment

    public init(database: String, epoch: Int64, session: String?, at: Moment) {
        self.database = database
        self.epoch = epoch
        self.session = session
        self.at = at
    }
}

public struct SessionOpening: Sendable, Hashable {
    public var session: String
    public var node: String
    public var at: Moment

    public init(session: String, node: String, at: Moment) {
        self.session = session
        self.node = node
        self.at = at
    }
}

public struct SessionEnd: Sendable, Hashable {
    public var session: String
    public var reason: String
    public var at: Moment

    public init(session: String, reason: String, at: Moment) {
        self.session = session
        self.reason = reason
        self.at = at
    }
}

public struct Served: Sendable, Hashable {
    public var database: String
    /// The gateway or node that was asked for a strong read; `nil` for a write, through any.
    public var through: String?
    public var at: Moment

    public init(database: String, through: String?, at: Moment) {
        self.database = database
        self.through = through
        self.at = at
    }
}
