/// What an error answer promises about the request it answers.
public enum ErrorPromise {
    /// Codes by which Berth says that nothing was changed. Everything else leaves a client in doubt.
    private static let harmless: Set<String> = [
        // Leading and routing
        "not_leader", "leader_unavailable", "too_many_requests", "database_busy", "node_busy", "shutting_down", "ship_lag_exceeded", "session_ended",
        // What Berth stands on
        "store_unavailable", "store_generation_changed", "bucket_unavailable", "disk_unavailable", "node_disk_full", "quarantined",
        // The request
        "database_not_found", "token_invalid", "token_missing", "malformed_request",
        // Statements and streams: what failed is undone, what was open is rolled back
        "SHIP_LAG_EXCEEDED", "TRANSACTION_BUSY", "TRANSACTION_TIMEOUT", "STREAM_EXPIRED", "BLOCKED", "SQLITE_FULL", "NODE_DISK_FULL",
        "SQLITE_INTERRUPT", "DUCKDB_INTERRUPT", "REQUEST_TIMED_OUT", "MEMORY_EXCEEDED",
    ]

    public static func isHarmless(_ code: String) -> Bool {
        harmless.contains(code) || code.hasPrefix("SQLITE_BUSY") || code.hasPrefix("SQLITE_LOCKED")
            || code.hasPrefix("SQLITE_CONSTRAINT") || code.hasPrefix("SQL_")
    }
}

extension Outcome {
    /// What a client knows after a failure.
    public init(_ failure: CallFailure) {
        switch failure {
        case .refused(let code, _): self = ErrorPromise.isHarmless(code) ? .refused(code) : .unknown(code)
        case .notConnected: self = .refused("not connected")
        case .lost(let why): self = .unknown(why)
        }
    }
}
