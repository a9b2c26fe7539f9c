/// How one exchange with the server failed.
enum StatementFailure: Error {
    case lost(reason: String)
    case timedOut(after: Duration)
    /// The statement must be prepared anew; it was not executed.
    case planOutdated(PostgresError.Kind)
    case server(PostgresError.Kind)

    /// Reads an error result; `otherwise` is libpq's text where the server said nothing.
    init(_ result: PostgresResult, otherwise: String) {
        guard let sqlState = result.report(.sqlState) else {
            self = .lost(reason: otherwise)
            return
        }
        let message = result.report(.message) ?? otherwise
        // FATAL ends the connection and may come after a commit: it is no answer to the statement.
        if let severity = result.report(.severity), severity == "FATAL" || severity == "PANIC" {
            self = .lost(reason: message)
            return
        }
        let kind = PostgresError.Kind.server(
            sqlState: sqlState, message: message, detail: result.report(.detail), constraint: result.report(.constraint))
        // 0A000 alone is any unsupported feature; this function raises it for a changed result type.
        let isPlanOutdated = sqlState == "0A000" && result.report(.sourceFunction) == "RevalidateCachedQuery"
        self = isPlanOutdated ? .planOutdated(kind) : .server(kind)
    }

    var leavesConnectionInDoubt: Bool {
        switch self {
        case .lost, .timedOut: true
        case .planOutdated, .server: false
        }
    }

    func postgresError(server: String) -> PostgresError {
        switch self {
        case .lost(let reason): PostgresError(.lost(reason: reason), server: server)
        case .timedOut(let timeout): PostgresError(.timedOut(after: timeout), server: server)
        case .planOutdated(let kind), .server(let kind): PostgresError(kind, server: server)
        }
    }
}
