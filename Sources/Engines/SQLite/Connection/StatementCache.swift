import FleetModel

/// The statements a connection used last, by their text.
struct StatementCache {
    /// Longer statements are unlikely to come again and cost much memory.
    static let longestSQL = 16 << 10

    private struct Entry {
        var statement: PreparedStatement
        var lastUse: UInt64
    }

    private let capacity: Int
    private var entries: [ExactText: Entry] = [:]
    private var uses: UInt64 = 0
    /// The one used last: most often the next one too, and then its text need not be hashed.
    private var latest: (text: ExactText, statement: PreparedStatement)?

    init(capacity: Int) { self.capacity = max(0, capacity) }

    var count: Int { entries.count }

    mutating func statement(for sql: String) -> PreparedStatement? {
        let text = ExactText(sql)
        if let latest, latest.text == text { return latest.statement }
        guard let index = entries.index(forKey: text) else { return nil }
        uses += 1
        entries.values[index].lastUse = uses
        let statement = entries.values[index].statement
        latest = (text, statement)
        return statement
    }

    /// Evicts the least recently used entry when full. The search is linear: small beside compiling a statement.
    mutating func insert(_ statement: PreparedStatement, for sql: String) {
        guard capacity > 0, statement.kind.isWorthCaching, sql.utf8.count <= Self.longestSQL else { return }
        // Its uses were not counted.
        if let latest { entries[latest.text]?.lastUse = uses }
        if entries.count >= capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
        }
        uses += 1
        entries[ExactText(sql)] = Entry(statement: statement, lastUse: uses)
        latest = (ExactText(sql), statement)
        invariant(entries.count <= capacity, "more statements are kept than there is room for")
    }

    mutating func removeAll() {
        entries = [:]
        latest = nil
    }
}
