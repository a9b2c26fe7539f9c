import FleetModel

/// The statements prepared on one connection, by their SQL; bounded, the least recently used goes first.
struct PreparedStatements {
    /// More than the program has statements; only generated SQL could exceed it.
    static let capacity = 256

    private struct Entry {
        let name: String
        var lastUse: UInt64
    }

    private var entries: [String: Entry] = [:]
    private var uses: UInt64 = 0
    private var names: UInt64 = 0

    mutating func name(for sql: String) -> String? {
        guard let index = entries.index(forKey: sql) else { return nil }
        uses += 1
        entries.values[index].lastUse = uses
        return entries.values[index].name
    }

    /// Forgets the least recently used statement if there is no room, and returns its name to be deallocated.
    mutating func makeRoom() -> String? {
        guard entries.count >= Self.capacity,
            let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
        else { return nil }
        entries.removeValue(forKey: oldest.key)
        return oldest.value.name
    }

    mutating func newName() -> String {
        names += 1
        return "berth_\(names)"
    }

    mutating func remember(_ sql: String, as name: String) {
        invariant(entries.count < Self.capacity, "more statements are prepared than there is room for")
        uses += 1
        entries[sql] = Entry(name: name, lastUse: uses)
    }

    mutating func forget(_ sql: String) -> String? {
        entries.removeValue(forKey: sql)?.name
    }
}
