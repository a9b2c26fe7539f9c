import CDuckDB
import FleetModel
import Foundation

/// DuckDB through its C API and nothing else.
///
/// Its settings are those of a tenant, and it checkpoints at the same size, by DuckDB's own doing.
final class RawDuckDB {
    let api: berth_duckdb_api
    private var database: duckdb_database?
    private var connection: duckdb_connection?

    private static let settings = [
        ("threads", "1"), ("async_threads", "0"), ("memory_limit", "256MiB"), ("storage_compatibility_version", "v2.0.0"),
        ("checkpoint_threshold", "4MiB"),
    ]

    /// - Parameter library: path of `libduckdb.so`, as the subject loads it.
    init(_ path: String, library: String) throws {
        guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
            throw BerthError(.engineUnavailable, "\(library) cannot be opened.")
        }
        var api = berth_duckdb_api()
        if let missing = berth_duckdb_resolve(handle, &api) {
            throw BerthError(.engineUnavailable, "\(library) has no function \(String(cString: missing)).")
        }
        self.api = api
        var config: duckdb_config?
        guard api.create_config(&config) == 0 else { throw WorkLost("DuckDB has no memory") }
        defer { api.destroy_config(&config) }
        for (name, value) in Self.settings where api.set_config(config, name, value) != 0 {
            throw WorkLost("DuckDB does not know \(name) = \(value)")
        }
        var message: UnsafeMutablePointer<CChar>?
        guard api.open_ext(path, &database, config, &message) == 0, api.connect(database, &connection) == 0 else {
            throw WorkLost("DuckDB cannot open \(path): \(message.map { String(cString: $0) } ?? "?")")
        }
    }

    deinit {
        api.disconnect(&connection)
        api.close(&database)
    }

    func prepare(_ sql: String) throws -> RawDuckDBStatement {
        guard let connection else { throw WorkLost("DuckDB is closed") }
        return try RawDuckDBStatement(sql, connection, api)
    }

    func run(_ sql: String) throws { _ = try prepare(sql).run() }

    /// The rows of a query all of whose columns are texts.
    func texts(_ sql: String) throws -> [[String?]] { try prepare(sql).texts() }
}

/// A prepared statement.
final class RawDuckDBStatement {
    private let api: berth_duckdb_api
    private var handle: duckdb_prepared_statement?

    init(_ sql: String, _ connection: duckdb_connection, _ api: berth_duckdb_api) throws {
        self.api = api
        var extracted: duckdb_extracted_statements?
        let count = api.extract_statements(connection, sql, &extracted)
        defer { api.destroy_extracted(&extracted) }
        guard count == 1, api.prepare_extracted_statement(connection, extracted, 0, &handle) == 0 else {
            throw WorkLost("DuckDB refuses “\(sql.prefix(200))”")
        }
    }

    deinit { api.destroy_prepare(&handle) }

    func bind(_ value: Int64, at index: Int) { _ = api.bind_int64(handle, idx_t(index), value) }
    func bind(_ value: Double, at index: Int) { _ = api.bind_double(handle, idx_t(index), value) }
    func bind(_ text: UnsafeRawBufferPointer, at index: Int) {
        _ = api.bind_varchar_length(handle, idx_t(index), text.baseAddress?.assumingMemoryBound(to: CChar.self), idx_t(text.count))
    }

    /// Runs it and reads every chunk.
    ///
    /// - Returns: the number of rows.
    @discardableResult
    func run() throws -> Int { try run { _, _, _ in } }

    func texts() throws -> [[String?]] {
        var rows: [[String?]] = []
        _ = try run { chunk, size, columns in
            for row in 0..<size {
                rows.append((0..<columns).map { column in text(chunk, row, column) })
            }
        }
        return rows
    }

    private func run(_ each: (duckdb_data_chunk, _ size: Int, _ columns: Int) -> Void) throws -> Int {
        var pending: duckdb_pending_result?
        defer { api.destroy_pending(&pending) }
        guard api.pending_prepared(handle, &pending) == 0 else { throw failure(pending) }
        var result = duckdb_result()
        guard api.execute_pending(pending, &result) == 0 else {
            let message = api.result_error(&result).map { String(cString: $0) } ?? "?"
            api.destroy_result(&result)
            throw WorkLost("DuckDB fails: \(message)")
        }
        defer { api.destroy_result(&result) }
        let columns = Int(api.column_count(&result))
        var rows = 0
        while let chunk = api.fetch_chunk(result) {
            let size = Int(api.data_chunk_get_size(chunk))
            each(chunk, size, columns)
            rows += size
            var done: duckdb_data_chunk? = chunk
            api.destroy_data_chunk(&done)
            if size == 0 { break }
        }
        return rows
    }

    private func text(_ chunk: duckdb_data_chunk, _ row: Int, _ column: Int) -> String? {
        let vector = api.data_chunk_get_vector(chunk, idx_t(column))
        if let validity = api.vector_get_validity(vector), validity[row / 64] & (1 << UInt64(row % 64)) == 0 { return nil }
        guard let data = api.vector_get_data(vector) else { return nil }
        let size = MemoryLayout<duckdb_string_t>.stride
        let value = UnsafeRawPointer(data) + row * size
        let length = Int(value.load(as: UInt32.self))
        // Up to twelve bytes lie in the value itself.
        let start = length <= 12 ? value + 4 : value.load(fromByteOffset: 8, as: UnsafeRawPointer.self)
        return String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
    }

    private func failure(_ pending: duckdb_pending_result?) -> WorkLost {
        WorkLost("DuckDB fails: \(api.pending_error(pending).map { String(cString: $0) } ?? "?")")
    }
}
