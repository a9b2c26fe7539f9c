import CSQLite
import FleetModel

extension SQLiteConnection {
    /// The error of the call on `database` that just returned `code`. Call before anything else touches the connection.
    func failure(_ code: Int32, whilePreparing: Bool = false) -> SQLError {
        if let refusal = context.refusal {
            context.refusal = nil
            return SQLError(code: "SQLITE_AUTH", message: refusal)
        }
        guard let handle else { return Self.closed }
        let extended = sqlite3_extended_errcode(handle)
        // The connection's code is the more exact one, as long as it speaks of the same failure.
        let exact = extended & 0xFF == code & 0xFF ? extended : code
        if context.isWriting { health.note(exact) }
        let message = String(cString: sqlite3_errmsg(handle))
        if exact & 0xFF == SQLITE_INTERRUPT { return interruption }
        if exact & 0xFF == SQLITE_FULL, let error = files.takeRefusal() { return error }
        if exact & 0xFF == SQLITE_READONLY && isReadingOnly { return Self.readOnly }
        if whilePreparing && exact & 0xFF == SQLITE_ERROR && Self.isSyntaxError(message) {
            return SQLError(code: "SQL_PARSE_ERROR", message: message)
        }
        return SQLError(code: SQLiteResultCode.name(exact), message: message)
    }

    /// A statement stopped by its deadline or by ``SQLiteInterrupter``.
    var interruption: SQLError {
        SQLError(
            code: "SQLITE_INTERRUPT",
            message: context.timedOut
                ? "the statement ran longer than it may and was stopped" : "the statement was interrupted")
    }

    static let closed = SQLError(code: "SQLITE_MISUSE", message: "the connection is closed")

    /// SQLite has no code of its own for these.
    private static func isSyntaxError(_ message: String) -> Bool {
        message.contains("syntax error") || message.contains("incomplete input") || message.contains("unrecognized token")
    }
}
