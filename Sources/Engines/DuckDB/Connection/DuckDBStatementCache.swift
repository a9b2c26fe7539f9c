import FleetModel

/// The statements a connection used last, by their text; all of one version of the catalogue.
struct DuckDBStatementCache {
    /// Longer statements are unlikely to come again and cost much memory.
    static let longestSQL = 16 << 10

    private let capacity: Int
    private var entries: [ExactText: (statement: DuckDBStatement, lastUse: UInt64)] = [:]
    private var uses: UInt64 = 0
    private var version: UInt64 = 0

    init(capacity: Int) { self.capacity = max(0, capacity) }

    mutating func statement(for sql: String, at version: UInt64) -> DuckDBStatement? {
        keepOnly(version)
        guard let index = entries.index(forKey: ExactText(sql)) else { return nil }
        uses += 1
        entries.values[index].lastUse = uses
        return entries.values[index].statement
    }

    /// Evicts the least recently used entry when full. The search is linear: small beside planning a statement.
    mutating func insert(_ statement: DuckDBStatement, for sql: String, at version: UInt64) {
        keepOnly(version)
        guard capacity > 0, !statement.type.mayChangeCatalogue, sql.utf8.count <= Self.longestSQL else { return }
        if entries.count >= capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
        }
        uses += 1
        entries[ExactText(sql)] = (statement, uses)
        invariant(entries.count <= capacity, "more statements are kept than there is room for")
    }

    mutating func removeAll() { entries = [:] }

    private mutating func keepOnly(_ version: UInt64) {
        guard version != self.version else { return }
        removeAll()
        self.version = version
    }
}
