import CDuckDB
import FleetModel

/// Up to some thousand rows of a result, as DuckDB makes them. Valid until its result is asked for the next.
struct DuckDBChunk {
    let count: Int
    let result: DuckDBResult
    private let vectors: [DuckDBVector]

    init(_ chunk: duckdb_data_chunk, count: Int, result: DuckDBResult, api: berth_duckdb_api) {
        self.count = count
        self.result = result
        vectors = result.columns.enumerated().map { index, column in
            DuckDBVector(api.data_chunk_get_vector(chunk, idx_t(index)), column.type, api: api)
        }
    }

    /// What a result of the kind `changedRows` says.
    func changedRows() -> Int64 {
        vectors.first.map { $0.load(0, as: Int64.self) } ?? 0
    }

    /// - Throws: `RESPONSE_TOO_LARGE`.
    func append(to rows: inout RowWriter, atMost maximumBytes: Int) throws(SQLError) {
        for row in 0..<count {
            append(row, to: &rows)
            guard rows.byteCount <= maximumBytes else { throw Self.tooLarge("more than \(maximumBytes) bytes") }
        }
    }

    func append(_ row: Int, to rows: inout RowWriter) {
        for vector in vectors { vector.append(row, to: &rows) }
    }

    static func tooLarge(_ what: String) -> SQLError {
        SQLError(code: "RESPONSE_TOO_LARGE", message: "the result has \(what): ask for less, for example with LIMIT")
    }
}
