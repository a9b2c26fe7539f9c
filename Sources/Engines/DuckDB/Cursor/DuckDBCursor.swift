import CDuckDB
import FleetModel

/// The rows of one statement, made as they are asked for.
///
/// DuckDB makes some thousand rows at a time; those not asked for yet are held here. It works ahead of the caller by
/// no more than its `streaming_buffer_size`: 10 MiB, which only a connection that is not locked could change.
final class DuckDBCursor: EngineCursor {
    let columns: [SQLResult.Column]
    private(set) var outcome = SQLResult()
    private let connection: DuckDBConnection
    /// Not destroyed or run again while its rows are read, and not kept longer: it would keep the database open.
    private var statement: DuckDBStatement?
    /// Answers the rows that it changed.
    private let changesRows: Bool
    private let isStreamed: Bool
    private var rows: DuckDBRows?
    private var chunk: DuckDBChunk?
    /// Of the chunk's rows, those that were handed out.
    private var position = 0
    private var isAtEnd = false
    /// Nothing of it is open.
    var isFinished: Bool { rows == nil }
    /// The transaction that keeps a client without the right to write from writing; ends with the cursor.
    private let hasOwnTransaction: Bool

    /// - Parameters:
    ///   - rows: `nil` for a statement that was carried out and has none.
    ///   - hasOwnTransaction: a transaction was begun for this cursor alone.
    init(_ statement: DuckDBStatement, _ rows: DuckDBRows?, on connection: DuckDBConnection, hasOwnTransaction: Bool) {
        self.statement = rows == nil ? nil : statement
        self.rows = rows
        changesRows = !statement.type.isQuery && statement.type != .pragma
        isStreamed = statement.isStreamed
        self.connection = connection
        self.hasOwnTransaction = hasOwnTransaction
        columns = rows.map { $0.result.kind == .rows ? $0.result.describedColumns : [] } ?? []
        isAtEnd = rows == nil
    }

    deinit { close() }

    func next(atMost bytes: Int, deadline: BootInstant?) throws(SQLError) -> RowBlock {
        if isAtEnd { return RowBlock(columnCount: columns.count) }
        guard let rows else { throw DuckDBErrorCode.cursorClosed }
        let start = connection.clock.instant()
        if let deadline, deadline <= start {
            close()
            throw DuckDBErrorCode.interrupt(timedOut: true)
        }
        defer { outcome.nanoseconds += connection.clock.instant().nanoseconds(since: start) }
        do throws(SQLError) {
            return try connection.watched(until: deadline, isLast: false) { () throws(SQLError) in try take(atMost: bytes, of: rows) }
        } catch {
            close()
            throw error
        }
    }

    private func take(atMost bytes: Int, of rows: DuckDBRows) throws(SQLError) -> RowBlock {
        var taken = RowWriter(columnCount: columns.count)
        while taken.isEmpty || taken.byteCount < bytes {
            guard let chunk, position < chunk.count else {
                guard try fetch(rows) else { break }
                continue
            }
            chunk.append(position, to: &taken)
            position += 1
        }
        outcome.rowsRead += Int64(taken.count)
        if changesRows { (outcome.affectedRows, outcome.rowsWritten) = (outcome.rowsRead, outcome.rowsRead) }
        return connection.paths.hidden(in: taken.finish())
    }

    /// Makes the next chunk; `false` at the end.
    private func fetch(_ rows: DuckDBRows) throws(SQLError) -> Bool {
        position = 0
        chunk = nil
        while let chunk = try connection.next(of: rows) {
            if rows.result.kind == .rows {
                self.chunk = chunk
                return true
            }
            if rows.result.kind == .changedRows { outcome.affectedRows += chunk.changedRows() }
            outcome.rowsWritten = outcome.affectedRows
        }
        isAtEnd = true
        close()
        return false
    }

    /// Carries out what needs no rows to be asked for, so that `outcome` is final at once.
    func finishWithoutRows() throws(SQLError) {
        guard let rows, rows.result.kind != .rows else { return }
        _ = try fetch(rows)
    }

    func close() {
        guard let rows else { return }
        self.rows = nil
        chunk = nil
        rows.close()
        statement = nil
        connection.ended(self, hasOwnTransaction: hasOwnTransaction, isAbandoned: !isAtEnd && isStreamed)
    }
}
