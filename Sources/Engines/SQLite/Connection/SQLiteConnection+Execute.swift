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
        let start = clock.instant()
        context.deadline = limits.deadline
        context.timedOut = false
        defer { context.deadline = nil }
        if let deadline = limits.deadline, deadline <= start {
            context.timedOut = true
            throw interruption
        }
        let prepared = try prepare(statement.sql)
        try makeReady(for: prepared, readOnly: limits.isReadOnly)
        var result =
            mayFailAfterChanging(prepared, wantsRows: statement.wantsRows, limits)
            ? try inSavepoint { () throws(SQLError) in try run(prepared, statement, limits) }
            : try run(prepared, statement, limits)
        try noteSessionState()
        result.nanoseconds = clock.instant().nanoseconds(since: start)
        return result
    }

    public func execute(
        _ statement: RepeatedStatement, timeout: Duration, limits: StatementLimits, into results: inout [SQLResult]
    ) throws(SQLError) {
        let prepared = try prepare(statement.sql)
        guard !mayFailAfterChanging(prepared, wantsRows: statement.wantsRows, limits) else {
            return try executeEach(statement, timeout: timeout, limits: limits, into: &results)
        }
        try makeReady(for: prepared, readOnly: limits.isReadOnly)
        var rows = RowWriter()
        swap(&rows, &spareRows)
        defer {
            context.deadline = nil
            arguments.release(prepared)
            giveBack(&rows)
        }
        let first = results.count
        var points: [RowWriter.Point] = []
        let nanoseconds = timeout.clampedNanoseconds
        var start = clock.instant()
        for arguments in statement.arguments {
            context.deadline = start.advanced(byNanoseconds: nanoseconds)
            context.timedOut = false
            var result = SQLResult()
            try run(prepared, arguments, wantsRows: statement.wantsRows, limits, into: &result, &rows, isFirst: results.count == first)
            let end = clock.instant()
            result.nanoseconds = end.nanoseconds(since: start)
            start = end
            results.append(result)
            if rows.columnCount > 0 { points.append(rows.point) }
        }
        try noteSessionState()
        let all = rows.finish()
        guard all.columnCount > 0 else { return }
        invariant(points.count == results.count - first, "rows are answered to another run of a statement")
        var last = RowWriter.Point.start
        for (index, point) in points.enumerated() {
            results[first + index].rowBlock = all.part(from: last, to: point)
            last = point
        }
    }

    /// RETURNING answers rows of a change that is made: too many of them are an error when it is too late.
    private func mayFailAfterChanging(_ prepared: PreparedStatement, wantsRows: Bool, _ limits: StatementLimits) -> Bool {
        prepared.changesRows && wantsRows && limits.boundResponse && sqlite3_column_count(prepared.handle) > 0
    }

    /// Keeps the memory for the next statement, unless it has become large.
    private func giveBack(_ rows: inout RowWriter) {
        rows.removeAll(keepingAtMost: Self.keptRowBytes)
        swap(&rows, &spareRows)
    }

    private static let keptRowBytes = 16 << 10

    func run(
        _ prepared: PreparedStatement, _ statement: SQLStatement, _ limits: StatementLimits
    ) throws(SQLError) -> SQLResult {
        var rows = RowWriter()
        swap(&rows, &spareRows)
        defer { giveBack(&rows) }
        // Also after a failed bind: some values may be bound already.
        defer { arguments.release(prepared) }
        var result = SQLResult()
        try run(prepared, statement.arguments, wantsRows: statement.wantsRows, limits, into: &result, &rows, isFirst: true)
        result.rowBlock = rows.finish()
        return result
    }

    /// Runs a statement once and leaves it reset, whatever happens, with its values still bound.
    ///
    /// - Parameters:
    ///   - result: gets everything but the rows, which go to `rows`.
    ///   - limits: those of `maximumResponseBytes` are of all that `rows` holds.
    ///   - isFirst: `rows` begins with it.
    private func run(
        _ prepared: PreparedStatement, _ values: SQLArguments, wantsRows: Bool, _ limits: StatementLimits,
        into result: inout SQLResult, _ rows: inout RowWriter, isFirst: Bool
    ) throws(SQLError) {
        guard let database = handle else { throw Self.closed }
        let changesBefore = prepared.changesRows ? sqlite3_total_changes64(database) : 0
        try arguments.bind(values, to: prepared)
        defer { sqlite3_reset(prepared.handle) }
        if prepared.changesRows { context.functions.hasChanged = true }
        try collectRows(of: prepared, into: &result, &rows, wantsRows: wantsRows, limits, isFirst: isFirst)
        guard prepared.changesRows, sqlite3_total_changes64(database) != changesBefore else { return }
        result.affectedRows = sqlite3_changes64(database)
        result.rowsWritten = result.affectedRows
        if prepared.insertsRows && result.affectedRows > 0 { result.lastInsertRowID = sqlite3_last_insert_rowid(database) }
    }

    private func collectRows(
        of prepared: PreparedStatement, into result: inout SQLResult, _ rows: inout RowWriter, wantsRows: Bool,
        _ limits: StatementLimits, isFirst: Bool
    ) throws(SQLError) {
        let statement = prepared.handle
        var code = sqlite3_step(statement)
        // Only now: the first step may have recompiled the statement for a changed table.
        result.columns = prepared.columns
        if isFirst { rows.begin(columnCount: result.columns.count) }
        guard result.columns.count == rows.columnCount else { throw Self.changedColumns }
        var rowCount = 0
        if code == SQLITE_ROW {
            let maximumRows = limits.maximumRows ?? .max
            let maximumBytes = limits.maximumResponseBytes ?? .max
            let columnCount = Int32(rows.columnCount)
            repeat {
                rowCount += 1
                if wantsRows {
                    guard rowCount <= maximumRows else { throw Self.tooLarge("more than \(maximumRows) rows") }
                    Self.appendRow(of: statement, columnCount, to: &rows)
                    guard rows.byteCount <= maximumBytes else { throw Self.tooLarge("more than \(maximumBytes) bytes") }
                }
                code = sqlite3_step(statement)
            } while code == SQLITE_ROW
        }
        guard code == SQLITE_DONE else { throw failure(code) }
        let scanned = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1)
        result.rowsRead = max(Int64(rowCount), Int64(scanned))
    }

    private static let changedColumns = SQLError(
        code: "SQLITE_SCHEMA", message: "the tables changed while the statement was repeated: try again")

    @inline(__always)
    static func appendRow(of statement: OpaquePointer, _ columnCount: Int32, to rows: inout RowWriter) {
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
