import CoreMetrics
import Engines
import FleetModel
import Hrana

/// Rows that are made while they are taken, beside the writer: each piece is a read of its own, on a reader that is kept in between.
extension OpenDatabase {
    struct BegunRows: Sendable {
        let rows: ReaderCursor
        /// The last commit they may show.
        let commit: UInt64
    }

    /// Begins a query of a stream that has nothing open.
    ///
    /// - Returns: `nil` when the writer has to carry it out.
    func beginBesideWriter(_ statement: SQLStatement, on stream: HranaStream, _ request: RequestUnderWay) async throws(SQLError) -> BegunRows? {
        guard let reads, stream.connection == nil, statement.wantsRows, engine.looksLikeQuery(statement.sql) else { return nil }
        try request.throwIfInterrupted()
        let (end, call, isReadOnly, counters) = (request.end, request.id, stream.access.isReadOnly, stream.counters)
        let deadline = min(host.now + host.settings.statementTimeout, end.deadline)
        let begun: Result<BegunRows, SQLError>? = await withCheckedContinuation { continuation in
            let job = Reads.Job(end: end, need: .readerToKeep) { place in
                let begun: Result<BegunRows, SQLError>?
                if case .reader(let reader) = place {
                    begun = self.begin(statement, counters, end, call: call, deadline, isReadOnly: isReadOnly, on: reader)
                    if case .success? = begun {} else { reader.giveBack() }
                } else {
                    begun = nil
                }
                return { continuation.resume(returning: begun) }
            }
            if reads.enter(job, isUnderWay: true, for: self) != nil { continuation.resume(returning: nil) }
        }
        if stream.isClosed {
            if case .success(let begun)? = begun { begun.rows.close() }
            throw closedMeanwhile(request)
        }
        guard let begun else { return nil }
        request.touchedData = true
        host.metrics.statements.increment()
        return try begun.get()
    }

    /// - Returns: `nil` when it is no read, or has no rows to wait for.
    private nonisolated func begin(
        _ statement: SQLStatement, _ counters: SessionCounters, _ end: RequestEnd, call: UInt64, _ deadline: BootInstant, isReadOnly: Bool,
        on reader: EngineReader
    ) -> Result<BegunRows, SQLError>? {
        let work = host.watch.began(opening.database, calls: [call], deadline: deadline, for: end)
        defer { host.watch.ended(work) }
        do throws(SQLError) {
            try reader.run { connection throws(SQLError) in connection.counters = counters }
            let rows = try end.interruptible(reader.interrupt) { () throws(SQLError) in try reader.cursor(statement, deadline: deadline) }
            // Its snapshot is taken: what is committed from now on is not in it.
            return rows.columns.isEmpty ? nil : .success(BegunRows(rows: rows, commit: commits.seen { reader.commitMark }))
        } catch {
            return !isReadOnly && error.code == "BLOCKED" || !reader.isOpen ? nil : .failure(error)
        }
    }

    /// Makes the next rows.
    func next(of rows: ReaderCursor, atMost bytes: Int, _ request: RequestUnderWay) async throws(SQLError) -> (rows: RowBlock, outcome: SQLResult) {
        guard let reads else { throw Self.rowsAreClosed }
        let (end, call, deadline) = (request.end, request.id, host.now + host.settings.statementTimeout)
        let made: Result<(rows: RowBlock, outcome: SQLResult), SQLError> = await withCheckedContinuation { continuation in
            let job = Reads.Job(end: end, need: .nothing) { place in
                let made: Result<(rows: RowBlock, outcome: SQLResult), SQLError>
                do throws(SQLError) {
                    guard case .own = place else { throw Self.rowsAreClosed }
                    let work = self.host.watch.began(self.opening.database, calls: [call], deadline: deadline, for: end)
                    defer { self.host.watch.ended(work) }
                    made = .success(
                        try end.interruptible(rows.reader.interrupt) { () throws(SQLError) in try rows.next(atMost: bytes, deadline: deadline) })
                } catch { made = .failure(error) }
                return { continuation.resume(returning: made) }
            }
            if reads.enter(job, isUnderWay: true, for: self) != nil { continuation.resume(returning: .failure(Self.rowsAreClosed)) }
        }
        return try made.get()
    }

    private static let rowsAreClosed = SQLError(code: "STREAM_EXPIRED", message: "The database was closed while its rows were read. Ask again.")
}
