import FleetModel

/// Statements of a client that may only read run in a transaction that DuckDB itself keeps from writing: words and
/// statement types do not show what a view or a macro does.
extension DuckDBConnection {
    /// Runs `body` so that it cannot change the database.
    ///
    /// - Throws: `BLOCKED`.
    func readingOnly<Answer>(
        _ statement: DuckDBStatement, _ body: () throws(SQLError) -> Answer
    ) throws(SQLError) -> Answer {
        let isAlone = try beginReadOnly(statement)
        defer { if isAlone { endReadOnly() } }
        return try body()
    }

    /// - Returns: whether a transaction was begun for this statement alone, which ``endReadOnly()`` has to end.
    /// - Throws: `BLOCKED`.
    func beginReadOnly(_ statement: DuckDBStatement) throws(SQLError) -> Bool {
        guard statement.type.canRead else { throw DuckDBErrorCode.readOnly }
        switch transaction {
        case .none:
            try runTrusted(cached: "BEGIN TRANSACTION READ ONLY")
            return true
        case .open, .aborted:
            guard isTransactionReadOnly else { throw DuckDBErrorCode.readOnlyInWritingTransaction }
            return false
        }
    }

    /// There is nothing to commit. What cannot be ended stays open for all to see: whoever gets the connection back closes it.
    func endReadOnly() {
        do throws(SQLError) { try runTrusted(cached: "ROLLBACK") } catch { (transaction, isTransactionReadOnly) = (.open, true) }
    }

    /// Runs BEGIN for a client that may only read, whatever kind of transaction it asked for.
    func beginForReader() throws(SQLError) {
        try runTrusted(cached: "BEGIN TRANSACTION READ ONLY")
        (transaction, isTransactionReadOnly) = (.open, true)
    }

    /// Runs one of our own statements, which is kept prepared.
    private func runTrusted(cached sql: String) throws(SQLError) {
        let statement: DuckDBStatement
        if let known = trusted[sql] { statement = known } else {
            statement = try extract(sql) { statements throws(SQLError) in try statements.prepare(0) }
            trusted[sql] = statement
        }
        try run(statement, arguments: [], .unlimited) { _ in }
    }
}
