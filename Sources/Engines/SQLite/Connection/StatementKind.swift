/// What a statement is by its first word. The rest is left to SQLite's own parser.
enum StatementKind {
    /// INSERT, REPLACE, UPDATE, DELETE, or a WITH that may start one of them.
    case change
    case with
    case query
    case begin
    /// COMMIT, END.
    case commit
    case rollback
    /// SAVEPOINT, RELEASE.
    case savepoint
    case pragma
    case explain
    case vacuum
    /// DDL and maintenance: rare, so not worth a place in the cache.
    case other

    init(firstWordOf sql: UnsafeBufferPointer<UInt8>, from start: Int) {
        // Up to eight letters in one number; the longest keywords are told by these and their length.
        var letters: UInt64 = 0
        var index = start
        while index < sql.count, (sql[index] | 0x20) &- UInt8(ascii: "a") < 26 {
            if index - start < 8 { letters = letters << 8 | UInt64(sql[index] & 0xDF) }
            index += 1
        }
        self = switch (letters, index - start) {
        case (Self.letters("INSERT"), 6), (Self.letters("REPLACE"), 7), (Self.letters("UPDATE"), 6), (Self.letters("DELETE"), 6): .change
        case (Self.letters("WITH"), 4): .with
        case (Self.letters("SELECT"), 6), (Self.letters("VALUES"), 6): .query
        case (Self.letters("BEGIN"), 5): .begin
        case (Self.letters("COMMIT"), 6), (Self.letters("END"), 3): .commit
        case (Self.letters("ROLLBACK"), 8): .rollback
        case (Self.letters("SAVEPOIN"), 9), (Self.letters("RELEASE"), 7): .savepoint
        case (Self.letters("PRAGMA"), 6): .pragma
        case (Self.letters("EXPLAIN"), 7): .explain
        case (Self.letters("VACUUM"), 6): .vacuum
        default: .other
        }
    }

    @inline(__always)
    private static func letters(_ word: StaticString) -> UInt64 {
        word.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt64($1) } }
    }

    var transactionRole: TransactionRole {
        switch self {
        case .change, .with, .query: .inside
        case .begin: .begins
        case .commit: .commits
        case .rollback: .undoes
        case .savepoint, .pragma, .explain, .vacuum, .other: .unknown
        }
    }

    /// What one of these changes, SQLite tells while it compiles it.
    var mayBeTemporary: Bool {
        switch self {
        case .change, .with, .other: true
        case .query, .begin, .commit, .rollback, .savepoint, .pragma, .explain, .vacuum: false
        }
    }

    var isWorthCaching: Bool {
        switch self {
        case .change, .with, .query, .begin, .commit, .rollback, .savepoint: true
        case .pragma, .explain, .vacuum, .other: false
        }
    }
}

/// The parts of SQLite's tokenizer that decide where a statement begins.
enum SQLTrivia {
    /// Index of the first byte at or after `start` that is not a space, a comment or a semicolon.
    static func end(in sql: UnsafeBufferPointer<UInt8>, from start: Int, skippingSemicolons: Bool = true) -> Int {
        var index = start
        while index < sql.count {
            let next = index + 1 < sql.count ? sql[index + 1] : 0
            switch sql[index] {
            case UInt8(ascii: ";") where skippingSemicolons: index += 1
            case 0x20, 0x09, 0x0A, 0x0C, 0x0D: index += 1
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
