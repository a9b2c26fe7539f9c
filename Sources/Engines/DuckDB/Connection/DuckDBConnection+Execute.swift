public import FleetModel

extension DuckDBConnection {
    /// Runs one statement to its end.
    ///
    /// How values of DuckDB's types become texts: `ops/duckdb.md`. `affectedRows` is 0 for everything but INSERT,
    /// UPDATE, DELETE and MERGE; there are no row ids.
    ///
    /// An error inside a transaction aborts it, see ``isAutocommit``, unless it is one of the text alone. COMMIT of an aborted transaction rolls it back and is
    /// an error, so that no one takes it for done. A write whose RETURNING exceeds the limits changes nothing; inside a
    /// transaction the whole transaction is rolled back, because DuckDB has no savepoints.
    ///
    /// - Throws: `SQLError` with the codes of `prepare`; `ARGS_INVALID`; `RESPONSE_TOO_LARGE`; `DUCKDB_INTERRUPT` at the
    ///   deadline; `DUCKDB_FULL`; `BLOCKED`; or DuckDB's code.
    public func execute(_ statement: SQLStatement, limits: StatementLimits = .unlimited) throws(SQLError) -> SQLResult {
        let start = clock.instant()
        if let deadline = limits.deadline, deadline <= start { throw DuckDBErrorCode.interrupt(timedOut: true) }
        try makeReady()
        var result = try withStatement(statement.sql) { prepared throws(SQLError) in
            let values = try DuckDBArguments.values(statement.arguments, for: prepared)
            return try execute(prepared, values, wantsRows: statement.wantsRows, limits)
        }
        result.nanoseconds = clock.instant().nanoseconds(since: start)
        return result
    }

    func execute(
        _ prepared: DuckDBStatement, _ values: [SQLValue], wantsRows: Bool, _ limits: StatementLimits
    ) throws(SQLError) -> SQLResult {
        if let kind = prepared.transaction {
            try run(kind, prepared, limits)
            return SQLResult()
        }
        if prepared.type.changesSession { isMarked = true }
        if wantsRows { try prepared.requireReadableAnswer() }
        if limits.isReadOnly {
            return try readingOnly(prepared) { () throws(SQLError) in
                try collect(prepared, values, wantsRows: wantsRows, limits)
            }
        }
        try checkQuota(prepared)
        guard prepared.returnsWhatItWrites, wantsRows, limits.boundResponse else {
            return try collect(prepared, values, wantsRows: wantsRows, limits)
        }
        return try allOrNothing { () throws(SQLError) in
            try collect(prepared, values, wantsRows: wantsRows, limits)
        }
    }

    /// - Throws: `DUCKDB_FULL`.
    func checkQuota(_ prepared: DuckDBStatement) throws(SQLError) {
        guard prepared.mayGrow else { return }
        if isAutocommit { try quota.checkOrMakeRoom() } else { try quota.check() }
    }

    /// Runs `body` so that its changes disappear when its answer is too large.
    private func allOrNothing(_ body: () throws(SQLError) -> SQLResult) throws(SQLError) -> SQLResult {
        let isAlone = isAutocommit
        if isAlone { try begin() }
        do throws(SQLError) {
            let result = try body()
            if isAlone { try commit(.unlimited) }
            return result
        } catch {
            if isAlone || error.code == "RESPONSE_TOO_LARGE" { try rollback() }
            throw error
        }
    }

    private func collect(
        _ prepared: DuckDBStatement, _ values: [SQLValue], wantsRows: Bool, _ limits: StatementLimits
    ) throws(SQLError) -> SQLResult {
        var result = SQLResult()
        var rows = RowWriter()
        var rowCount = 0
        try run(prepared, arguments: values, limits) { described throws(SQLError) in
            guard described.kind == .rows else { return }
            if wantsRows { try requireReadable(described) }
            result.columns = described.describedColumns
            rows.begin(columnCount: result.columns.count)
        } _: { chunk throws(SQLError) in
            guard chunk.result.kind == .rows else {
                if chunk.result.kind == .changedRows { result.affectedRows += chunk.changedRows() }
                return
            }
            rowCount += chunk.count
            guard wantsRows else { return }
            guard rowCount <= limits.maximumRows ?? .max else { throw tooLarge("more than \(limits.maximumRows ?? 0) rows") }
            try chunk.append(to: &rows, atMost: limits.maximumResponseBytes ?? .max)
        }
        result.rowBlock = paths.hidden(in: rows.finish())
        result.rowsRead = Int64(rowCount)
        if !prepared.type.isQuery && prepared.type != .pragma && !result.columns.isEmpty { result.affectedRows = Int64(rowCount) }
        result.rowsWritten = result.affectedRows
        return result
    }

    private func tooLarge(_ what: String) -> SQLError { DuckDBChunk.tooLarge(what) }

    // MARK: Transactions

    /// DuckDB refuses to begin inside a transaction and to end none, so what succeeded tells what is open afterwards.
    private func run(
        _ kind: DuckDBStatement.Transaction, _ prepared: DuckDBStatement, _ limits: StatementLimits
    ) throws(SQLError) {
        switch kind {
        case .commit where transaction == .aborted:
            try rollback()
            throw SQLError(
                code: "DUCKDB_TRANSACTION", message: "an earlier error aborted the transaction: it was rolled back, nothing of it is stored")
        case .begin where limits.isReadOnly && transaction == .none: try beginForReader()
        case .begin, .rollback:
            try run(prepared, arguments: [], limits) { _ in }
            (transaction, isTransactionReadOnly) = (kind == .begin ? .open : .none, prepared.beginsReadOnly)
        case .commit, .unknown:
            let wasOpen = transaction != .none
            try ending { () throws(SQLError) in try run(prepared, arguments: [], limits) { _ in } }
            transaction = wasOpen ? .none : .open
            guard limits.isReadOnly && !wasOpen else { return }
            // It was a BEGIN.
            try rollback()
            try beginForReader()
        }
    }

    /// Begins a transaction of our own.
    func begin() throws(SQLError) {
        try runTrusted("BEGIN")
        (transaction, isTransactionReadOnly) = (.open, false)
    }

    func commit(_ limits: StatementLimits) throws(SQLError) {
        try ending { () throws(SQLError) in try runTrusted("COMMIT", limits) }
        transaction = .none
    }

    /// Runs a COMMIT. When it fails, whatever is left of its transaction is ended, so that what is said of it is true.
    private func ending(_ body: () throws(SQLError) -> Void) throws(SQLError) {
        do throws(SQLError) { try body() } catch {
            if transaction != .none {
                transaction = .none
                // An error when nothing was left.
                try? runTrusted("ROLLBACK")
            }
            throw error
        }
    }
}
