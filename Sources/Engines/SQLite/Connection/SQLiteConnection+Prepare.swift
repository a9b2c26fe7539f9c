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
        let begin = LibSQLBegin(sql)
        let given = sql
        // SQLite takes the word for an error or for a name; otherwise it knows all of them.
        var sql = begin?.mode == .readOnly ? "BEGIN\(begin?.rest ?? "")" : sql
        try checkText(&sql)
        try rememberSettings(before: &sql)
        var compilation = compile(sql, from: 0)
        guard let statement = try finish(&compilation) else {
            throw SQLError(code: "SQL_NO_STATEMENT", message: "the SQL has no statement")
        }
        guard compilation.next == sql.utf8.count else {
            throw SQLError(code: "SQL_MANY_STATEMENTS", message: "the SQL has more than one statement")
        }
        statement.beginsReadOnly = begin?.mode == .readOnly
        cache.insert(statement, for: given)
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
    ///
    /// Costs as much as the statement is long, however much text follows it.
    func compile(_ sql: String, from start: Int) -> Compilation {
        let count = sql.utf8.count
        // Where the string has its bytes, which a NUL ends; it holds none itself (``checkText(_:)``).
        return sql.withCString { text in
            text.withMemoryRebound(to: UInt8.self, capacity: count + 1) { compile(UnsafeBufferPointer(start: $0, count: count), from: start) }
        }
    }

    /// - Parameter sql: a NUL follows its last byte.
    private func compile(_ sql: UnsafeBufferPointer<UInt8>, from start: Int) -> Compilation {
        let start = SQLTrivia.end(in: sql, from: start)
        let kind = StatementKind(firstWordOf: sql, from: start)
        guard start < sql.count, let handle, let base = sql.baseAddress else {
            return Compilation(code: SQLITE_OK, statement: nil, kind: kind, next: sql.count)
        }
        context.refusal = nil
        context.insertsRows = false
        context.changesTemporary = false
        context.changesMain = false
        context.pragma = nil
        context.leftAlone = nil
        if kind == .explain && !Self.explainsPlan(sql, from: start) {
            context.refusal = "EXPLAIN is not allowed: use EXPLAIN QUERY PLAN"
            return Compilation(code: SQLITE_AUTH, statement: nil, kind: kind, next: sql.count)
        }
        context.isPreparing = true
        defer { context.isPreparing = false }
        return base.withMemoryRebound(to: CChar.self, capacity: sql.count) { text in
            var statement: OpaquePointer?
            var tail: UnsafePointer<CChar>?
            // With its NUL counted SQLite reads the text where it is; without, it copies all that is left of it, for every statement.
            // Source: <https://www.sqlite.org/c3ref/prepare.html>, on nByte.
            let code = sqlite3_prepare_v3(
                handle, text + start, Int32(sql.count - start + 1),
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
        let statement = PreparedStatement(handle: handle, kind: compilation.kind, context: context, files: files)
        try limitTemporaryTables()
        return try answering(statement)
    }

    /// Some SQL crashes old versions of SQLite when its program is listed, and with it everything else in the process.
    private static func explainsPlan(_ sql: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
        let next = SQLTrivia.end(in: sql, from: start + "EXPLAIN".utf8.count, skippingSemicolons: false)
        return String(decoding: sql[next...].prefix(6), as: UTF8.self).uppercased().hasPrefix("QUERY")
    }

    /// What takes the place of a PRAGMA that is not carried out as it stands.
    private func answering(_ statement: PreparedStatement) throws(SQLError) -> PreparedStatement {
        guard statement.kind == .pragma, let pragma = context.pragma else { return statement }
        guard let (setting, name, schema, wanted) = context.leftAlone else {
            guard pragma.name == "database_list" else { return statement }
            // Without the path, which is the node's.
            return try compileInstead("SELECT seq, name, '' AS file FROM pragma_database_list")
        }
        let question = "PRAGMA \(schema.map { SQLName.quoted($0) + "." } ?? "")\(name)"
        if setting == .mustBeInForce {
            let value = try runTrusted(question) ?? ""
            guard PragmaRules.asks(for: value, wanted, name) else {
                throw SQLError(code: "SQLITE_AUTH", message: PragmaRules.refusal(of: name, inForce: value))
            }
        }
        return try compileInstead(question)
    }

    private func compileInstead(_ sql: String) throws(SQLError) -> PreparedStatement {
        let compilation = compile(sql, from: 0)
        guard compilation.code == SQLITE_OK, let handle = compilation.statement else { throw failure(compilation.code) }
        return PreparedStatement(handle: handle, kind: .pragma, context: context, files: files)
    }

    /// SQLite carries out some PRAGMAs while it compiles them, so this cannot wait for the execution.
    func rememberSettings(before sql: inout String, from start: Int = 0) throws(SQLError) {
        guard settingsBefore == nil else { return }
        let kind = sql.withUTF8 { StatementKind(firstWordOf: $0, from: SQLTrivia.end(in: $0, from: start)) }
        if kind == .pragma || kind == .explain { settingsBefore = try SessionSettings(of: self) }
    }

    /// Runs one of our own statements, past the authorizer; answers the first column of its first row.
    @discardableResult
    func runTrusted(_ sql: String) throws(SQLError) -> String? {
        guard let handle else { throw Self.closed }
        let ceiling = files.ceiling
        files.ceiling = nil
        context.isTrusted = true
        defer {
            context.isTrusted = false
            files.ceiling = ceiling
        }
        context.isWriting = holdsWriteLock
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
