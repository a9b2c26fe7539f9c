import FleetModel

/// The table both sides work on: an integer key, a second index, a short and a longer text.
enum EntryTable {
    static let schema = [
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)",
        "CREATE INDEX entries_by_account ON entries (account)",
    ]
    static let insert = "INSERT INTO entries (id, account, kind, body) VALUES (?, ?, ?, ?)"
    static let pointRead = "SELECT id, account, kind, body FROM entries WHERE id = ?"
    static let rangeRead = "SELECT id, account, kind, body FROM entries WHERE id >= ? ORDER BY id LIMIT 100"
    static let update = "UPDATE entries SET body = ? WHERE id = ?"
    /// Rows that a round inserted are removed before the next: every round finds a table of the same size.
    static func removal(after id: Int64) -> String { "DELETE FROM entries WHERE id > \(id)" }
    static let everything = "SELECT id, account, kind, body FROM entries ORDER BY id"
}

/// Rows to insert, with their texts in one buffer, so that the baseline binds them without a copy.
struct Entries {
    struct Entry {
        var id: Int64
        var account: Int64
        var kind: Range<Int>
        var body: Range<Int>
    }

    private(set) var rows: [Entry] = []
    private(set) var bytes: [UInt8] = []

    private static let kinds = ["order", "visit", "payment", "message"].map { Array($0.utf8) }
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789".utf8)
    /// A small database is one customer's: few accounts, many rows of each.
    private static let accounts: ClosedRange<Int64> = 1...50

    /// - Parameter ids: of the rows, in their order.
    init(ids: some Sequence<Int64>, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for id in ids {
            let kind = append(Self.kinds[Int.random(in: 0..<Self.kinds.count, using: &random)])
            let length = Int.random(in: 60...140, using: &random)
            let start = bytes.count
            for _ in 0..<length { bytes.append(Self.letters[Int(truncatingIfNeeded: random.next() >> 32) % Self.letters.count]) }
            rows.append(
                Entry(
                    id: id, account: Int64.random(in: Self.accounts, using: &random), kind: kind, body: start..<bytes.count))
        }
    }

    private mutating func append(_ text: [UInt8]) -> Range<Int> {
        let start = bytes.count
        bytes.append(contentsOf: text)
        return start..<bytes.count
    }

    func insert(_ row: Entry) -> PipelineBody.Statement {
        PipelineBody.Statement(
            sql: EntryTable.insert,
            arguments: [.integer(row.id), .integer(row.account), .text(text(row.kind)), .text(text(row.body))])
    }

    func update(_ row: Entry) -> PipelineBody.Statement {
        PipelineBody.Statement(sql: EntryTable.update, arguments: [.text(text(row.body)), .integer(row.id)])
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
