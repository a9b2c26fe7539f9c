import CDuckDB
import FleetModel
import Foundation

/// A result that is being read. Valid inside the call it is given to.
struct DuckDBResult {
    /// Source: `duckdb_result_type` in `duckdb.h`.
    enum Kind: Int32 { case invalid, changedRows, nothing, rows }

    let kind: Kind
    let columns: [DuckDBColumn]

    var describedColumns: [SQLResult.Column] {
        columns.map { SQLResult.Column(name: $0.name, declaredType: $0.type.name) }
    }
}

extension DuckDBConnection {
    /// Runs a statement and gives `consume` its result, chunk by chunk, while it is made: what was consumed is free again,
    /// so a large result does not accumulate. This is where a later consumer can take rows as they come.
    ///
    /// - Parameters:
    ///   - begun: is given what the result consists of, before its first rows.
    ///   - consume: is given the rows. When it throws, the rest is never made.
    /// - Throws: `DUCKDB_INTERRUPT`, `DUCKDB_FULL`, or DuckDB's code.
    func run(
        _ statement: DuckDBStatement, arguments: [SQLValue], _ limits: StatementLimits,
        begun: (DuckDBResult) -> Void = { _ in },
        _ consume: (DuckDBChunk) throws(SQLError) -> Void
    ) throws(SQLError) {
        guard handle != nil else { throw DuckDBErrorCode.closed }
        try bind(arguments, to: statement)
        let (outcome, timedOut) = DeadlineWatch.shared.watch(interrupter, until: limits.deadline) { () -> Result<Void, SQLError> in
            do throws(SQLError) {
                try runToEnd(statement, begun, consume)
                return .success(())
            } catch { return .failure(error) }
        }
        guard case .failure(let error) = outcome else { return }
        throw error.code == "DUCKDB_INTERRUPT" ? DuckDBErrorCode.interrupt(timedOut: timedOut) : error
    }

    private func runToEnd(
        _ statement: DuckDBStatement, _ begun: (DuckDBResult) -> Void, _ consume: (DuckDBChunk) throws(SQLError) -> Void
    ) throws(SQLError) {
        let api = library.api
        var pending: duckdb_pending_result?
        defer { api.destroy_pending(&pending) }
        let state = statement.isStreamed
            ? api.pending_prepared_streaming(statement.handle, &pending) : api.pending_prepared(statement.handle, &pending)
        guard state == 0, let pending else { throw failure(pending.flatMap { api.pending_error($0) }) }
        if !statement.isStreamed { try write(pending) }

        var result = duckdb_result()
        defer { api.destroy_result(&result) }
        guard api.execute_pending(pending, &result) == 0 else { throw failure(api.result_error(&result)) }
        let columns = (0..<api.column_count(&result)).map { index in
            DuckDBColumn(
                name: api.column_name(&result, index).map { String(cString: $0) } ?? "",
                type: DuckDBType(taking: api.column_logical_type(&result, index), library: library))
        }
        let described = DuckDBResult(kind: DuckDBResult.Kind(rawValue: api.result_return_type(result)) ?? .invalid, columns: columns)
        begun(described)
        while let chunk = api.fetch_chunk(result) {
            defer {
                var chunk: duckdb_data_chunk? = chunk
                api.destroy_data_chunk(&chunk)
            }
            let count = Int(api.data_chunk_get_size(chunk))
            if count == 0 { break }
            try consume(DuckDBChunk(chunk, count: count, result: described, api: api))
        }
        if let message = api.result_error(&result) { throw failure(message) }
    }

    /// Takes a write task by task, so that a growing file is noticed while it grows.
    private func write(_ pending: duckdb_pending_result) throws(SQLError) {
        let api = library.api
        var tasks = 0
        while true {
            let state = api.pending_execute_task(pending)
            if api.pending_execution_is_finished(state) { return }
            // Others of DuckDB's threads have all tasks there are.
            if state == Self.noTasksAvailable { sched_yield() }
            tasks += 1
            guard tasks % 64 == 0 else { continue }
            do throws(SQLError) { try quota.check() } catch { throw noted(error) }
        }
    }

    /// `DUCKDB_PENDING_NO_TASKS_AVAILABLE`.
    private static let noTasksAvailable: Int32 = 3

    private func failure(_ message: UnsafePointer<CChar>?) -> SQLError {
        noted(DuckDBErrorCode.error(message.map { String(cString: $0) } ?? "the statement failed"))
    }
}
