import FleetModel

/// The words that let a query, or an EXPLAIN, change something.
enum DuckDBWords {
    private static let writing: Set<String> = [
        "NEXTVAL", "INSERT", "UPDATE", "DELETE", "MERGE", "CHECKPOINT", "FORCE_CHECKPOINT", "ANALYZE", "TRUNCATE",
        // They run what a text says.
        "QUERY", "JSON_EXECUTE_SERIALIZED_SQL",
    ]

    private static let asking: Set<String> = ["SELECT", "FROM", "WITH", "VALUES", "TABLE", "DESCRIBE", "SHOW", "SUMMARIZE"]

    /// Whether the first word is one that queries begin with.
    static func isQuery(_ sql: String) -> Bool {
        var sql = sql
        return sql.withUTF8 { text in
            let word = text[SQLTrivia.end(in: text, from: 0)...].prefix { ($0 | 0x20) &- UInt8(ascii: "a") < 26 }
            return asking.contains(String(decoding: word, as: UTF8.self).uppercased())
        }
    }

    /// Whether a change may answer rows.
    static func mayReturn(_ sql: String) -> Bool { hasWord(in: sql, skippingQuoted: false) { $0 == "RETURNING" } }

    /// Whether one of them stands outside of quoted text. Errs on the side of writing: where quoting could be anything but
    /// plain, quoted text counts as well.
    static func mayWrite(_ sql: String) -> Bool {
        let isPlain = !["\\", "$", "--", "/*", "\""].contains { sql.contains(bytesOf: $0) }
        return hasWord(in: sql, skippingQuoted: isPlain, writing.contains)
    }

    /// Whether `matches` one of the words, in capitals.
    private static func hasWord(in sql: String, skippingQuoted: Bool, _ matches: (String) -> Bool) -> Bool {
        var word: [UInt8] = []
        var isQuoted = false
        for byte in Array(sql.utf8) + [UInt8(ascii: " ")] {
            if skippingQuoted && byte == UInt8(ascii: "'") { isQuoted.toggle() }
            let letter = byte | 0x20
            if !isQuoted, letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z") || byte == UInt8(ascii: "_") {
                word.append(byte)
                continue
            }
            if !word.isEmpty, matches(String(decoding: word, as: UTF8.self).uppercased()) { return true }
            word.removeAll(keepingCapacity: true)
        }
        return false
    }
}
