import CSQLite
public import FleetModel

extension SQLiteConnection {
    /// Runs one statement to its end.
    ///
    /// Text that is not valid UTF-8 (possible through `CAST(x'ff' AS TEXT)`) is repaired: each invalid sequence becomes
    /// U+FFFD. A NaN is stored as NULL. `rowsRead` is a lower bound: the larger of the rows answered and the steps of full
    /// table scans, which is what SQLite counts. `affectedRows` is 0 for everything but INSERT, REPLACE, UPDATE, DELETE.
    ///
    /// An interrupted *write* rolls back the whole transaction it is in, see ``isAutocommit``. A write whose RETURNING
    /// exceeds the limits is undone alone.
    ///
    /// - Throws: `SQLError` with the codes of `prepare`; `ARGS_INVALID`; `RESPONSE_TOO_LARGE`; `SQLITE_INTERRUPT` at the
    ///   deadline; or SQLite's extended code.
    public func execute(
        _ statement: SQLStatement, limits: StatementLimits = .unlimited
    ) throws(SQLError) -> SQLResult {
        let start = BootInstant.now
        context.deadline = limits.deadline
        context.timedOut = false
        defer { context.deadline = nil }
        if let deadline = limits.deadline, deadline <= start {
            context.timedOut = true
            throw interruption
        }
        let prepared = try prepare(statement.sql)
        try makeReady(for: prepared, readOnly: limits.isReadOnly)
        // With both there may be an error after the change was made.
        let isGuarded = prepared.changesRows && statement.wantsRows && limits.boundResponse
            && sqlite3_column_count(prepared.handle) > 0
        var result =
            isGuarded
            ? try inSavepoint { () throws(SQLError) in try run(prepared, statement, limits) }
            : try run(prepared, statement, limits)
        try limitTemporaryTables()
        result.duration = BootInstant.now - start
        return result
    }

    /// Leaves the statement reset, whatever happens.
    func run(
        _ prepared: PreparedStatement, _ statement: SQLStatement, _ limits: StatementLimits
    ) throws(SQLError) -> SQLResult {
        guard let database = handle else { throw Self.closed }
        let changesBefore = sqlite3_total_changes64(database)
        // Also after a failed bind: some values may be bound already.
        defer { arguments.release(prepared) }
        try arguments.bind(statement.arguments, to: prepared)
        defer { sqlite3_reset(prepared.handle) }

        var result = SQLResult()
        try collectRows(of: prepared, into: &result, wantsRows: statement.wantsRows, limits)
        if prepared.changesRows && sqlite3_total_changes64(database) != changesBefore {
            result.affectedRows = sqlite3_changes64(database)
        }
        if prepared.insertsRows && result.affectedRows > 0 {
            result.lastInsertRowID = sqlite3_last_insert_rowid(database)
        }
        result.rowsWritten = result.affectedRows
        return result
    }

    private func collectRows(
        of prepared: PreparedStatement, into result: inout SQLResult, wantsRows: Bool, _ limits: StatementLimits
    ) throws(SQLError) {
        let statement = prepared.handle
        let maximumRows = limits.maximumRows ?? .max
        let maximumBytes = limits.maximumResponseBytes ?? .max
        var rowCount = 0
        var code = sqlite3_step(statement)
        // Only now: the first step may have recompiled the statement for a changed table.
        result.columns = prepared.columns
        let columnCount = Int32(result.columns.count)
        var rows = RowBlock(columnCount: result.columns.count, reserving: code == SQLITE_ROW && wantsRows ? prepared.expectedBytes : 0)
        while code == SQLITE_ROW {
            rowCount += 1
            if wantsRows {
                guard rowCount <= maximumRows else { throw Self.tooLarge("more than \(maximumRows) rows") }
                Self.appendRow(of: statement, columnCount, to: &rows)
                guard rows.byteCount <= maximumBytes else { throw Self.tooLarge("more than \(maximumBytes) bytes") }
            }
            code = sqlite3_step(statement)
        }
        guard code == SQLITE_DONE else { throw failure(code) }
        if rowCount > 0 { prepared.expect(rows.byteCount) }
        result.rowBlock = rows
        let scanned = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1)
        result.rowsRead = max(Int64(rowCount), Int64(scanned))
    }

    @inline(__always)
    static func appendRow(of statement: OpaquePointer, _ columnCount: Int32, to rows: inout RowBlock) {
        for index in 0..<columnCount {
            switch sqlite3_column_type(statement, index) {
            case SQLITE_INTEGER: rows.append(sqlite3_column_int64(statement, index))
            case SQLITE_FLOAT: rows.append(sqlite3_column_double(statement, index))
            case SQLITE_TEXT:
                // The pointer first: asking for it is what converts, and only then is the length right.
                let start = sqlite3_column_text(statement, index)
                rows.append(text: bytes(from: start, of: statement, index))
            case SQLITE_BLOB:
                let start = sqlite3_column_blob(statement, index)
                rows.append(blob: bytes(from: start, of: statement, index))
            default: rows.appendNull()
            }
        }
    }

    @inline(__always)
    private static func bytes(from start: UnsafeRawPointer?, of statement: OpaquePointer, _ index: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(statement, index)))
    }

    private static func tooLarge(_ what: String) -> SQLError {
        SQLError(code: "RESPONSE_TOO_LARGE", message: "the result has \(what): ask for less, for example with LIMIT")
    }

    /// Runs `body` so that its changes disappear when it throws.
    private func inSavepoint<Answer>(_ body: () throws(SQLError) -> Answer) throws(SQLError) -> Answer {
        try runTrusted("SAVEPOINT \"berth: one statement\"")
        do throws(SQLError) {
            let answer = try body()
            try runTrusted("RELEASE \"berth: one statement\"")
            return answer
        } catch {
            // The deadline may have passed; undoing must not be stopped by it.
            context.deadline = nil
            // An error that rolled back the transaction took the savepoint with it.
            if !isAutocommit {
                try runTrusted("ROLLBACK TO \"berth: one statement\"")
                try runTrusted("RELEASE \"berth: one statement\"")
            }
            throw error
        }
    }
}
