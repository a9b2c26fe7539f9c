/// The words that let a query, or an EXPLAIN, change something.
enum DuckDBWords {
    private static let writing: Set<String> = [
        "NEXTVAL", "INSERT", "UPDATE", "DELETE", "MERGE", "CHECKPOINT", "FORCE_CHECKPOINT", "ANALYZE", "TRUNCATE",
        // They run what a text says.
        "QUERY", "JSON_EXECUTE_SERIALIZED_SQL",
    ]

    /// Whether a change may answer rows.
    static func mayReturn(_ sql: String) -> Bool { sql.uppercased().contains("RETURNING") }

    /// Whether one of them stands outside of quoted text. Errs on the side of writing: where quoting could be anything but
    /// plain, quoted text counts as well.
    static func mayWrite(_ sql: String) -> Bool {
        let isPlain = !["\\", "$", "--", "/*", "\""].contains { sql.contains($0) }
        var word: [UInt8] = []
        var isQuoted = false
        for byte in Array(sql.utf8) + [UInt8(ascii: " ")] {
            if isPlain && byte == UInt8(ascii: "'") { isQuoted.toggle() }
            let letter = byte | 0x20
            if !isQuoted, letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z") || byte == UInt8(ascii: "_") {
                word.append(byte)
                continue
            }
            if !word.isEmpty, writing.contains(String(decoding: word, as: UTF8.self).uppercased()) { return true }
            word.removeAll(keepingCapacity: true)
        }
        return false
    }
}
