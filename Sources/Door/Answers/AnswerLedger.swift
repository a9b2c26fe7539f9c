import FleetModel

/// The bytes of answers that wait for their clients, of all connections together. A value without I/O.
struct AnswerLedger<ID: Hashable> {
    private struct Entry {
        var bytes: Int
        /// When the client began to be behind.
        var since: UInt64
    }

    private let maximum: Int
    private var entries: [ID: Entry] = [:]
    private(set) var bytes = 0

    init(maximum: Int) { self.maximum = maximum }

    /// So many bytes wait for the client of `id` now.
    ///
    /// - Returns: those that have kept their answers waiting longest, and are to be cut off because there is no room for all.
    mutating func hold(_ bytes: Int, for id: ID, at now: UInt64) -> [ID] {
        let before = entries[id]
        self.bytes += bytes - (before?.bytes ?? 0)
        entries[id] = bytes > 0 ? Entry(bytes: bytes, since: before?.since ?? now) : nil
        invariant(self.bytes >= 0, "fewer bytes wait than none")
        guard self.bytes > maximum else { return [] }
        var ended: [ID] = []
        for (id, entry) in entries.sorted(by: { $0.value.since < $1.value.since }) where self.bytes > maximum {
            entries[id] = nil
            self.bytes -= entry.bytes
            ended.append(id)
        }
        invariant(self.bytes <= maximum, "more bytes wait than there is room for")
        return ended
    }

    /// The client of `id` has everything, or is gone.
    mutating func release(_ id: ID) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        bytes -= entry.bytes
        invariant(bytes >= 0, "fewer bytes wait than none")
    }
}
