/// Everything in a database, as it was read back.
public struct Contents: Sendable, Hashable {
    public struct Row: Sendable, Hashable, Codable {
        public var client: Int
        public var number: Int
        public var token: String

        public init(client: Int, number: Int, token: String) {
            self.client = client
            self.number = number
            self.token = token
        }
    }

    public var database: String
    public var at: Moment
    /// In the order in which they were inserted.
    public var appends: [Row]
    public var transfers: [Row]
    /// By account.
    public var balances: [Int64]

    public init(database: String, at: Moment, appends: [Row], transfers: [Row], balances: [Int64]) {
        self.database = database
        self.at = at
        self.appends = appends
        self.transfers = transfers
        self.balances = balances
    }

    public func rows(of ledger: Ledger) -> [Row] {
        switch ledger {
        case .appends: appends
        case .transfers: transfers
        }
    }
}
