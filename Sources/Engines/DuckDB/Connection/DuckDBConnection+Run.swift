import CDuckDB
import FleetModel
import Foundation

extension DuckDBConnection {
    /// Runs a statement to its end and gives `consume` its result, chunk by chunk, while it is made: what was consumed is free
    /// again, so a large result does not accumulate.
    ///
    /// - Parameters:
    ///   - begun: is given what the result consists of, before its first rows.
    ///   - consume: is given the rows. When it throws, the rest is never made.
    /// - Throws: `DUCKDB_INTERRUPT`, `DUCKDB_FULL`, or DuckDB's code.
    func run(
        _ statement: DuckDBStatement, arguments: [SQLValue], _ limits: StatementLimits,
        begun: (DuckDBResult) throws(SQLError) -> Void = { _ in },
        _ consume: (DuckDBChunk) throws(SQLError) -> Void
    ) throws(SQLError) {
        cursor?.close()
        try watched(until: limits.deadline) { () throws(SQLError) in
            let rows = try start(statement, arguments: arguments)
            defer { rows.close() }
            do throws(SQLError) {
                try begun(rows.result)
                while let chunk = try next(of: rows) { try consume(chunk) }
            } catch {
                rows.close()
                endFailed()
                throw error
            }
        }
    }

    /// What a statement has made that was not carried out to its end DuckDB keeps until the connection runs another one, and the plan of the
    /// statement holds it longer: temporary files as well, which others are to have.
    private func endFailed() {
        guard quota.hasTemporaryFiles else { return }
        cache.removeAll()
        try? runTrusted("SELECT 1")
    }

    /// Begins a statement. A change is carried out; the rows of a query are made as they are asked for.
    ///
    /// - Throws: `DUCKDB_INTERRUPT`, `DUCKDB_FULL`, or DuckDB's code.
    func start(_ statement: DuckDBStatement, arguments: [SQLValue]) throws(SQLError) -> DuckDBRows {
        guard handle != nil else { throw DuckDBErrorCode.closed }
        try bind(arguments, to: statement)
        // Before it runs: a statement that fails, or whose transaction is rolled back, costs a checkpoint at most.
        if statement.type.changesSchema { health.owesCheckpoint = true }
        noteCatalogueChange(by: statement)
        defer { noteCatalogueChange(by: statement) }
        let api = library.api
        var pending: duckdb_pending_result?
        defer { api.destroy_pending(&pending) }
        let state = statement.isStreamed
            ? api.pending_prepared_streaming(statement.handle, &pending) : api.pending_prepared(statement.handle, &pending)
        guard state == 0, let begun = pending else { throw failure(pending.flatMap { api.pending_error($0) }) }
        if !statement.isStreamed {
            do throws(SQLError) { try write(begun, mayGrow: statement.mayGrow) } catch {
                api.destroy_pending(&pending)
                if quota.hasTemporaryFiles { cache.removeAll() }
                // Its transaction is open until then.
                try? runTrusted("SELECT 1")
                throw error
            }
        }

        var result = duckdb_result()
        guard api.execute_pending(begun, &result) == 0 else {
            let error = failure(api.result_error(&result))
            api.destroy_result(&result)
            api.destroy_pending(&pending)
            endFailed()
            throw error
        }
        return DuckDBRows(taking: result, as: statement.describedAs, library: library)
    }

    /// The next rows of what ``start(_:arguments:)`` began; `nil` at the end.
    func next(of rows: DuckDBRows) throws(SQLError) -> DuckDBChunk? {
        do throws(SQLError) { return try rows.next() } catch { throw noted(error) }
    }

    /// Runs `body`, and stops what it runs at the deadline.
    ///
    /// - Parameter isLast: nothing of what is run goes on afterwards. Otherwise an interrupt that comes when `body` has just
    ///   ended counts as well: it would stop what goes on.
    func watched<Answer>(
        until deadline: BootInstant?, isLast: Bool = true, _ body: () throws(SQLError) -> Answer
    ) throws(SQLError) -> Answer {
        let (outcome, timedOut) = deadlines.watch(interrupter, until: deadline) { () -> Result<Answer, SQLError> in
            do throws(SQLError) { return .success(try body()) } catch { return .failure(error) }
        }
        if timedOut && !isLast, case .success = outcome { throw DuckDBErrorCode.interrupt(timedOut: true) }
        do { return try outcome.get() } catch {
            throw error.code == "DUCKDB_INTERRUPT" ? DuckDBErrorCode.interrupt(timedOut: timedOut) : error
        }
    }

    /// Takes a write task by task, so that a growing file is noticed while it grows.
    private func write(_ pending: duckdb_pending_result, mayGrow: Bool) throws(SQLError) {
        let api = library.api
        var turns = 0
        while true {
            let state = api.pending_execute_task(pending)
            if api.pending_execution_is_finished(state) { return }
            // A task takes a hundred thousand rows. While others of DuckDB's threads have all there are, it is looked now and then.
            var isDue = true
            if state == Self.noTasksAvailable {
                sched_yield()
                turns += 1
                isDue = turns % 64 == 0
            }
            if mayGrow && isDue { do throws(SQLError) { try quota.check() } catch { throw noted(error) } }
        }
    }

    /// `DUCKDB_PENDING_NO_TASKS_AVAILABLE`.
    private static let noTasksAvailable: Int32 = 3

    private func failure(_ message: UnsafePointer<CChar>?) -> SQLError {
        noted(DuckDBErrorCode.error(message.map { String(cString: $0) } ?? "the statement failed"))
    }
}
