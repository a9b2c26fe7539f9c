public import FleetModel

/// The rows of a query, made by a reader as they are asked for. It keeps its reader, and with it a snapshot, until it is closed.
///
/// Used by one thread at a time, which may be another one each time.
public final class ReaderCursor: @unchecked Sendable {
    // Safe: the rows are made, and closed, by who is between `begin` and `end` of the reader's readers.
    public let columns: [SQLResult.Column]
    public let reader: EngineReader
    private let rows: any EngineCursor

    fileprivate init(_ rows: any EngineCursor, of reader: EngineReader) {
        columns = rows.columns
        self.rows = rows
        self.reader = reader
    }

    /// As ``EngineCursor/next(atMost:deadline:)``, with what the statement did so far.
    public func next(atMost bytes: Int, deadline: BootInstant) throws(SQLError) -> (rows: RowBlock, outcome: SQLResult) {
        try reader.run { _ throws(SQLError) in (try rows.next(atMost: bytes, deadline: deadline), rows.outcome) }
    }

    /// Ends the query, and gives its reader back; while it makes rows, as soon as it has. Twice does nothing.
    public func close() { reader.giveBack() }
}

extension EngineReader {
    /// Begins a query that cannot change anything.
    public func cursor(_ statement: SQLStatement, deadline: BootInstant) throws(SQLError) -> ReaderCursor {
        try run { connection throws(SQLError) in
            ReaderCursor(try connection.cursor(statement, readOnly: true, deadline: deadline), of: self)
        }
    }

    /// Stops what it runs, as ``EngineConnection/interruptHandle``.
    public var interrupt: @Sendable () -> Void { connection.interruptHandle }
}
