/// Words in the text of a statement, wherever they stand: also in names, comments and quoted text.
enum SQLWords {
    /// - Parameter words: in capitals.
    static func contains(_ words: Set<String>, in sql: String) -> Bool {
        var sql = sql
        return sql.withUTF8 { text in
            text.split { !isLetter($0) }.contains { word in words.contains(String(decoding: word, as: UTF8.self).uppercased()) }
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_") || byte >= 0x80 }
}
