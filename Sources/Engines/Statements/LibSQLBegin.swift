/// BEGIN with one of the words that libSQL's clients put behind it, and that an engine may not know.
struct LibSQLBegin {
    enum Mode {
        case deferred, immediate, exclusive
        /// `BEGIN READONLY` and `BEGIN TRANSACTION READONLY`: what SQLite takes for an error or for a name.
        case readOnly
    }

    let mode: Mode
    /// What stands behind the statement, from its semicolon on.
    let rest: String

    /// `nil` for everything else, also for a plain BEGIN, which every engine knows.
    init?(_ sql: String) {
        var sql = sql
        let found = sql.withUTF8 { text -> (mode: Mode, end: Int)? in
            var words = Words(text: text, position: SQLTrivia.end(in: text, from: 0))
            guard words.next() == "BEGIN" else { return nil }
            var word = words.next()
            var mode: Mode? = switch word {
            case "DEFERRED": .deferred
            case "IMMEDIATE": .immediate
            case "EXCLUSIVE": .exclusive
            case "READONLY": .readOnly
            default: nil
            }
            if mode != nil { word = words.next() }
            if word == "TRANSACTION" { word = words.next() }
            if mode == nil && word == "READONLY" {
                mode = .readOnly
                word = words.next()
            }
            guard let mode, word.isEmpty, words.isAtEnd else { return nil }
            return (mode, words.position)
        }
        guard let found else { return nil }
        mode = found.mode
        rest = String(sql.utf8.dropFirst(found.end)) ?? ""
    }

    private struct Words {
        let text: UnsafeBufferPointer<UInt8>
        var position: Int

        /// In capitals; empty when something else comes next.
        mutating func next() -> String {
            position = SQLTrivia.end(in: text, from: position, skippingSemicolons: false)
            let start = position
            while position < text.count, (text[position] | 0x20) &- UInt8(ascii: "a") < 26 { position += 1 }
            return String(decoding: text[start..<position], as: UTF8.self).uppercased()
        }

        var isAtEnd: Bool { position == text.count || text[position] == UInt8(ascii: ";") }
    }
}
