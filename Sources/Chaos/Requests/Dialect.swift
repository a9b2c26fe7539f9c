/// The few words in which engines differ.
public struct Dialect: Sendable {
    /// Begins a transaction that writes.
    public var begin: String

    public init(of database: TestedDatabase) {
        begin = database.engine == "sqlite" ? "BEGIN IMMEDIATE" : "BEGIN TRANSACTION"
    }

    /// Rows are never removed, so `rowid` is the order of insertion. No key forbids a doubled row: that is for the
    /// checker to see.
    public static func tables(accounts: Int, balance: Int64) -> [(String, [HranaRequest.Argument])] {
        let values = (0..<accounts).map { "(\($0), \(balance))" }.joined(separator: ", ")
        return [
            ("CREATE TABLE appends (client INTEGER, number INTEGER, token TEXT)", []),
            ("CREATE INDEX appends_by_client ON appends (client, number)", []),
            ("CREATE TABLE transfers (client INTEGER, number INTEGER, token TEXT)", []),
            ("CREATE INDEX transfers_by_client ON transfers (client, number)", []),
            ("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)", []),
            ("INSERT INTO accounts VALUES \(values)", []),
        ]
    }

    /// Reads nothing of the tables, changes nothing, and wants gigabytes of memory on its way.
    public static func wantsMemory(_ engine: String) -> String {
        engine == "sqlite"
            ? """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) \
                SELECT max(length(x)) FROM (SELECT group_concat(printf('%0400d', i)) AS x FROM n)
                """
            : "SELECT length(string_agg(repeat('x', 1000), ',')) FROM range(4000000)"
    }

    /// Everything a strong read compares, in one statement and so of one moment.
    public static let observation = """
        SELECT 'appends', client, max(number), count(*) FROM appends GROUP BY client \
        UNION ALL SELECT 'transfers', client, max(number), count(*) FROM transfers GROUP BY client \
        UNION ALL SELECT 'total', 0, sum(balance), count(*) FROM accounts
        """
}
