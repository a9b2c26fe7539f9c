import CSQLite
import FleetModel

/// The rows of one query, stepped as they are asked for; of a change, those it answered while it was carried out.
final class SQLiteCursor: EngineCursor {
    let columns: [SQLResult.Column]
    private(set) var outcome = SQLResult()
    private let connection: SQLiteConnection

    private enum State {
        /// A query that goes on; whether its next row is there already.
        case stepping(PreparedStatement, hasRow: Bool)
        /// A change that was carried out, with the rows of its answer and how far they were taken.
        case answered(RowBlock, RowBlock.Position)
        case atEnd
        case closed
    }
    private var state: State

    /// Takes over a statement that has answered its first row.
    init(stepping statement: PreparedStatement, on connection: SQLiteConnection) {
        self.connection = connection
        // Only now: the first step may have recompiled the statement for a changed table.
        columns = statement.columns
        state = .stepping(statement, hasRow: true)
    }

    /// Of a statement that is done.
    init(_ columns: [SQLResult.Column], _ rows: RowBlock, _ outcome: SQLResult, on connection: SQLiteConnection) {
        self.connection = connection
        self.columns = columns
        self.outcome = outcome
        state = .answered(rows, RowBlock.Position())
    }

    deinit { close() }

    func add(nanoseconds: Int64) { outcome.nanoseconds += nanoseconds }

    func next(atMost bytes: Int, deadline: BootInstant?) throws(SQLError) -> RowBlock {
        let start = connection.clock.instant()
        defer { outcome.nanoseconds += connection.clock.instant().nanoseconds(since: start) }
        switch state {
        case .atEnd: return RowBlock(columnCount: columns.count)
        case .closed: throw SQLiteConnection.cursorClosed
        case .answered(let rows, var position):
            let taken = rows.part(from: &position, atMost: bytes)
            state = taken.isEmpty ? .atEnd : .answered(rows, position)
            return taken
        case .stepping(let statement, let hasRow):
            do throws(SQLError) {
                return try connection.until(deadline, from: start) { () throws(SQLError) in
                    try take(atMost: bytes, of: statement, hasRow: hasRow)
                }
            } catch {
                close()
                throw error
            }
        }
    }

    private func take(
        atMost bytes: Int, of statement: PreparedStatement, hasRow: Bool
    ) throws(SQLError) -> RowBlock {
        var taken = RowWriter(columnCount: columns.count)
        var hasRow = hasRow
        let columnCount = Int32(columns.count)
        while taken.isEmpty || taken.byteCount < bytes {
            if !hasRow {
                let code = sqlite3_step(statement.handle)
                guard code == SQLITE_ROW else {
                    guard code == SQLITE_DONE else { throw connection.failure(code) }
                    finish(statement, taken.count)
                    return taken.finish()
                }
            }
            SQLiteConnection.appendRow(of: statement.handle, columnCount, to: &taken)
            hasRow = false
        }
        state = .stepping(statement, hasRow: false)
        outcome.rowsRead += Int64(taken.count)
        return taken.finish()
    }

    private func finish(_ statement: PreparedStatement, _ count: Int) {
        let scanned = sqlite3_stmt_status(statement.handle, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1)
        outcome.rowsRead = max(outcome.rowsRead + Int64(count), Int64(scanned))
        close()
        state = .atEnd
    }

    func close() {
        if case .stepping(let statement, _) = state { connection.letGo(of: statement, self) }
        if case .atEnd = state { return }
        state = .closed
    }
}
