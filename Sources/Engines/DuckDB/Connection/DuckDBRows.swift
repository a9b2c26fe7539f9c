import CDuckDB
import FleetModel

/// What a result consists of.
struct DuckDBResult {
    /// Source: `duckdb_result_type` in `duckdb.h`.
    enum Kind: Int32 { case invalid, changedRows, nothing, rows }

    let kind: Kind
    let columns: [DuckDBColumn]
    /// As the client sees them.
    let describedColumns: [SQLResult.Column]
}

/// A result that is being read. Must be closed before its connection.
final class DuckDBRows {
    let result: DuckDBResult
    private let library: DuckDBLibrary
    private var handle: duckdb_result
    private var chunk: duckdb_data_chunk?
    private var isOpen = true

    /// - Parameter described: the columns as the client sees them, where the result's own say something else.
    init(taking handle: duckdb_result, as described: [SQLResult.Column]?, library: DuckDBLibrary) {
        let api = library.api
        var handle = handle
        let columns = (0..<api.column_count(&handle)).map { index in
            DuckDBColumn(
                name: api.column_name(&handle, index).map { String(cString: $0) } ?? "",
                type: DuckDBType(taking: api.column_logical_type(&handle, index), library: library))
        }
        result = DuckDBResult(
            kind: DuckDBResult.Kind(rawValue: api.result_return_type(handle)) ?? .invalid, columns: columns,
            describedColumns: described ?? columns.map { SQLResult.Column(name: $0.name, declaredType: $0.type.name) })
        self.handle = handle
        self.library = library
    }

    deinit { close() }

    /// The next rows, valid until it is called again; `nil` at the end.
    ///
    /// - Throws: DuckDB's code.
    func next() throws(SQLError) -> DuckDBChunk? {
        let api = library.api
        api.destroy_data_chunk(&chunk)
        guard isOpen else { return nil }
        chunk = api.fetch_chunk(handle)
        if let chunk, case let count = Int(api.data_chunk_get_size(chunk)), count > 0 {
            return DuckDBChunk(chunk, count: count, result: result, api: api)
        }
        if let message = api.result_error(&handle) { throw DuckDBErrorCode.error(String(cString: message)) }
        return nil
    }

    /// Frees what is held. Twice does nothing.
    func close() {
        guard isOpen else { return }
        isOpen = false
        library.api.destroy_data_chunk(&chunk)
        library.api.destroy_result(&handle)
    }
}
