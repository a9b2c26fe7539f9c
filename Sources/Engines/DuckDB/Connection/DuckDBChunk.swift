import CDuckDB
import FleetModel

/// Up to some thousand rows of a result, as DuckDB makes them. Valid inside the call it is given to.
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

    /// - Throws: `RESPONSE_TOO_LARGE`; `DUCKDB_NOT_IMPLEMENTED` for a type without a text form.
    func append(to rows: inout [[SQLValue]], _ byteCount: inout Int, atMost maximumBytes: Int) throws(SQLError) {
        for column in result.columns where column.type.id == nil {
            throw SQLError(
                code: "DUCKDB_NOT_IMPLEMENTED",
                message: "the column \(column.name) has a type that cannot be answered: CAST it to VARCHAR")
        }
        for row in 0..<count {
            rows.append(vectors.map { $0.value(row, &byteCount) })
            guard byteCount <= maximumBytes else { throw Self.tooLarge("more than \(maximumBytes) bytes") }
        }
    }

    static func tooLarge(_ what: String) -> SQLError {
        SQLError(code: "RESPONSE_TOO_LARGE", message: "the result has \(what): ask for less, for example with LIMIT")
    }
}
