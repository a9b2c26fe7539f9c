/// What a statement is by its first word. The rest is left to SQLite's own parser.
enum StatementKind {
    /// INSERT, REPLACE, UPDATE, DELETE, or a WITH that may start one of them.
    case change
    case with
    case query
    case transaction
    case pragma
    case explain
    /// DDL and maintenance: rare, so not worth a place in the cache.
    case other

    init(firstWordOf sql: UnsafeBufferPointer<UInt8>, from start: Int) {
        let word = sql[start...].prefix { ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") }
        self = switch String(decoding: word.prefix(12), as: UTF8.self).uppercased() {
        case "INSERT", "REPLACE", "UPDATE", "DELETE": .change
        case "WITH": .with
        case "SELECT", "VALUES": .query
        case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE": .transaction
        case "PRAGMA": .pragma
        case "EXPLAIN": .explain
        default: .other
        }
    }

    var isWorthCaching: Bool {
        switch self {
        case .change, .with, .query, .transaction: true
        case .pragma, .explain, .other: false
        }
    }
}

/// The parts of SQLite's tokenizer that decide where a statement begins.
enum SQLTrivia {
    /// Index of the first byte at or after `start` that is not a space, a comment or a semicolon.
    static func end(in sql: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        while index < sql.count {
            let next = index + 1 < sql.count ? sql[index + 1] : 0
            switch sql[index] {
            case UInt8(ascii: ";"), 0x20, 0x09, 0x0A, 0x0C, 0x0D: index += 1
            case UInt8(ascii: "-") where next == UInt8(ascii: "-"): index = afterLineComment(in: sql, from: index)
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"): index = afterBlockComment(in: sql, from: index)
            case 0xEF where next == 0xBB && index + 2 < sql.count && sql[index + 2] == 0xBF: index += 3
            default: return index
            }
        }
        return index
    }

    private static func afterLineComment(in sql: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        sql[start...].firstIndex(of: 0x0A) ?? sql.count
    }

    /// A comment that is not closed reaches to the end, as in SQLite.
    private static func afterBlockComment(in sql: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start + 2
        while index + 1 < sql.count {
            if sql[index] == UInt8(ascii: "*") && sql[index + 1] == UInt8(ascii: "/") { return index + 2 }
            index += 1
        }
        return sql.count
    }
}
