import CSQLite
public import FleetModel

extension SQLiteConnection {
    /// Runs one statement whose rows are taken bit by bit.
    ///
    /// A query is stepped as its rows are asked for. A change is carried out at once, and the rows of its RETURNING are kept:
    /// SQLite commits it only when it has answered the last of them.
    public func cursor(
        _ statement: SQLStatement, readOnly: Bool, deadline: BootInstant?
    ) throws(SQLError) -> any EngineCursor {
        let start = clock.instant()
        return try until(deadline, from: start) { () throws(SQLError) in
            let prepared = try prepare(statement.sql)
            try makeReady(for: prepared, readOnly: readOnly)
            let cursor = try begin(prepared, statement)
            cursor.add(nanoseconds: clock.instant().nanoseconds(since: start))
            try noteSessionState()
            return cursor
        }
    }

    private func begin(_ prepared: PreparedStatement, _ statement: SQLStatement) throws(SQLError) -> SQLiteCursor {
        guard let database = handle else { throw Self.closed }
        do throws(SQLError) {
            try arguments.bind(statement.arguments, to: prepared)
            guard prepared.changesRows || prepared.writes else {
                let code = sqlite3_step(prepared.handle)
                if code == SQLITE_ROW {
                    let cursor = SQLiteCursor(stepping: prepared, on: self)
                    self.cursor = cursor
                    return cursor
                }
                guard code == SQLITE_DONE else { throw failure(code) }
                defer { release(prepared) }
                return SQLiteCursor(prepared.columns, RowBlock(columnCount: 0), SQLResult(), on: self)
            }
            let changesBefore = sqlite3_total_changes64(database)
            if prepared.changesRows { context.functions.hasChanged = true }
            let rows = try carryOut(prepared)
            let columns = prepared.columns
            release(prepared)
            var outcome = SQLResult()
            outcome.rowsRead = Int64(rows.count)
            if prepared.changesRows && sqlite3_total_changes64(database) != changesBefore {
                outcome.affectedRows = sqlite3_changes64(database)
            }
            if prepared.insertsRows && outcome.affectedRows > 0 { outcome.lastInsertRowID = sqlite3_last_insert_rowid(database) }
            outcome.rowsWritten = outcome.affectedRows
            return SQLiteCursor(columns, rows, outcome, on: self)
        } catch {
            release(prepared)
            throw error
        }
    }

    private func carryOut(_ prepared: PreparedStatement) throws(SQLError) -> RowBlock {
        var code = sqlite3_step(prepared.handle)
        let columnCount = sqlite3_column_count(prepared.handle)
        var rows = RowWriter(columnCount: Int(columnCount))
        while code == SQLITE_ROW {
            Self.appendRow(of: prepared.handle, columnCount, to: &rows)
            code = sqlite3_step(prepared.handle)
        }
        guard code == SQLITE_DONE else { throw failure(code) }
        return rows.finish()
    }

    private func release(_ prepared: PreparedStatement) {
        sqlite3_reset(prepared.handle)
        arguments.release(prepared)
    }

    /// A cursor is at its end or closed.
    func letGo(of prepared: PreparedStatement, _ cursor: SQLiteCursor) {
        // Closing the connection has closed it before.
        guard handle != nil else { return }
        release(prepared)
        if self.cursor === cursor { self.cursor = nil }
    }

    /// Runs `body` with a deadline for its statements.
    func until<Answer>(
        _ deadline: BootInstant?, from start: BootInstant, _ body: () throws(SQLError) -> Answer
    ) throws(SQLError) -> Answer {
        context.deadline = deadline
        context.timedOut = false
        defer { context.deadline = nil }
        if let deadline, deadline <= start {
            context.timedOut = true
            throw interruption
        }
        return try body()
    }

    static let cursorClosed = SQLError(
        code: "CURSOR_CLOSED", message: "the cursor is closed: its connection ran something else, or an error ended it")
}
