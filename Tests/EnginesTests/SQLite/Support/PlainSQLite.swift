import CSQLite
import Engines

/// SQLite without any of our settings, as another program would use it.
enum PlainSQLite {
    struct Failure: Error {
        let message: String
    }

    /// Runs the statements and answers the first column of the last one's rows.
    @discardableResult
    static func run(_ path: String, _ statements: [String]) throws -> [String] {
        SQLiteRuntime.start()
        var database: OpaquePointer?
        defer { sqlite3_close(database) }
        guard sqlite3_open(path, &database) == SQLITE_OK else { throw Failure(message: "cannot open \(path)") }
        var answers: [String] = []
        for sql in statements {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            sqlite3_prepare_v2(database, sql, -1, &statement, nil)
            answers = []
            var code = sqlite3_step(statement)
            while code == SQLITE_ROW {
                answers.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "")
                code = sqlite3_step(statement)
            }
            guard code == SQLITE_DONE else { throw Failure(message: "\(sql): \(String(cString: sqlite3_errmsg(database)))") }
        }
        return answers
    }
}
