import CSQLite
import FleetModel
import Foundation

/// One step of compiling a text: a statement, and where the next one begins.
struct Compilation {
    var code: Int32
    /// `nil` at the end of the text and after an error.
    var statement: OpaquePointer?
    var kind: StatementKind
    /// First byte after the statement that is not a space, a comment or a semicolon.
    var next: Int
}

extension SQLiteConnection {
    /// The one statement in `sql`, from the cache or compiled.
    ///
    /// - Throws: `SQL_NO_STATEMENT`, `SQL_MANY_STATEMENTS`, `SQL_PARSE_ERROR`, `SQLITE_AUTH`, or SQLite's code.
    func prepare(_ sql: String) throws(SQLError) -> PreparedStatement {
        context.refusal = nil
        if let cached = cache.statement(for: sql) { return cached }
        var sql = sql
        try checkText(&sql)
        try rememberSettings(before: &sql)
        var compilation = sql.withUTF8 { compile($0, from: 0) }
        guard let statement = try finish(&compilation) else {
            throw SQLError(code: "SQL_NO_STATEMENT", message: "the SQL has no statement")
        }
        guard compilation.next == sql.utf8.count else {
            throw SQLError(code: "SQL_MANY_STATEMENTS", message: "the SQL has more than one statement")
        }
        cache.insert(statement, for: sql)
        return statement
    }

    /// What SQLite would silently cut off or misread.
    func checkText(_ sql: inout String) throws(SQLError) {
        guard handle != nil else { throw Self.closed }
        let (count, hasNUL) = sql.withUTF8 { ($0.count, $0.contains(0)) }
        if hasNUL { throw SQLError(code: "SQL_PARSE_ERROR", message: "the SQL contains a NUL character") }
        if count > Int(options.maximumSQLBytes) {
            throw SQLError(
                code: "SQLITE_TOOBIG", message: "the SQL has \(count) bytes; at most \(options.maximumSQLBytes) are allowed")
        }
    }

    /// Compiles the first statement at or after `start`.
    func compile(_ sql: UnsafeBufferPointer<UInt8>, from start: Int) -> Compilation {
        let start = SQLTrivia.end(in: sql, from: start)
        let kind = StatementKind(firstWordOf: sql, from: start)
        guard start < sql.count, let handle, let base = sql.baseAddress else {
            return Compilation(code: SQLITE_OK, statement: nil, kind: kind, next: sql.count)
        }
        context.refusal = nil
        context.insertsRows = false
        context.pragma = nil
        context.isPreparing = true
        defer { context.isPreparing = false }
        return base.withMemoryRebound(to: CChar.self, capacity: sql.count) { text in
            var statement: OpaquePointer?
            var tail: UnsafePointer<CChar>?
            let code = sqlite3_prepare_v3(
                handle, text + start, Int32(sql.count - start),
                UInt32(kind.isWorthCaching ? SQLITE_PREPARE_PERSISTENT : 0), &statement, &tail)
            let end = tail.map { text.distance(to: $0) } ?? sql.count
            return Compilation(
                code: code, statement: statement, kind: kind, next: SQLTrivia.end(in: sql, from: end))
        }
    }

    /// Takes the statement out of `compilation`; `nil` when the text is at its end.
    func finish(_ compilation: inout Compilation) throws(SQLError) -> PreparedStatement? {
        guard compilation.code == SQLITE_OK else { throw failure(compilation.code, whilePreparing: true) }
        guard let handle = compilation.statement else { return nil }
        compilation.statement = nil
        let statement = PreparedStatement(handle: handle, kind: compilation.kind, context: context)
        try limitTemporaryTables()
        return statement
    }

    /// SQLite carries out some PRAGMAs while it compiles them, so this cannot wait for the execution.
    func rememberSettings(before sql: inout String) throws(SQLError) {
        guard settingsBefore == nil else { return }
        let kind = sql.withUTF8 { StatementKind(firstWordOf: $0, from: SQLTrivia.end(in: $0, from: 0)) }
        if kind == .pragma || kind == .explain { settingsBefore = try SessionSettings(of: self) }
    }

    /// Runs one of our own statements, past the authorizer; answers the first column of its first row.
    @discardableResult
    func runTrusted(_ sql: String) throws(SQLError) -> String? {
        guard let handle else { throw Self.closed }
        context.isTrusted = true
        defer { context.isTrusted = false }
        context.isWriting = isInWriteTransaction
        context.refusal = nil
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, 0, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        defer { sqlite3_finalize(statement) }
        var answer: String?
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: answer = answer ?? sqlite3_column_text(statement, 0).map { String(cString: $0) }
            case SQLITE_DONE: return answer
            case let code: throw failure(code)
            }
        }
    }
}
