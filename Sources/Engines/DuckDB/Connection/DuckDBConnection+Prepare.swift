import CDuckDB
import FleetModel

/// The statements of a text, as DuckDB's parser separates them.
struct DuckDBExtracted {
    let count: Int
    fileprivate let handle: duckdb_extracted_statements
    fileprivate let connection: DuckDBConnection
    fileprivate let sql: String
    /// Of the first one, when it is a BEGIN of libSQL's.
    fileprivate let begin: LibSQLBegin.Mode?

    /// - Throws: what DuckDB finds wrong with the statement at `index`.
    func prepare(_ index: Int) throws(SQLError) -> DuckDBStatement {
        do throws(SQLError) { return try prepareUnnoted(index) } catch { throw connection.noted(error) }
    }

    /// For a statement of our own, which may be wrong.
    func prepareUnnoted(_ index: Int) throws(SQLError) -> DuckDBStatement {
        guard let open = connection.handle else { throw DuckDBErrorCode.closed }
        let api = connection.library.api
        var prepared: duckdb_prepared_statement?
        let state = api.prepare_extracted_statement(open, handle, idx_t(index), &prepared)
        guard state == 0, let prepared else {
            let message = prepared.flatMap { api.prepare_error($0) }.map { String(cString: $0) }
            api.destroy_prepare(&prepared)
            throw DuckDBErrorCode.error(message ?? "the statement cannot be prepared")
        }
        return DuckDBStatement(prepared, sql: index == 0 ? sql : nil, begin: index == 0 ? begin : nil, library: connection.library)
    }
}

extension DuckDBConnection {
    /// The one statement in `sql`, from the cache or prepared.
    ///
    /// - Throws: `SQL_NO_STATEMENT`, `SQL_MANY_STATEMENTS`, `SQL_PARSE_ERROR`, `DUCKDB_PERMISSION`, or DuckDB's code.
    func prepare(_ sql: String) throws(SQLError) -> DuckDBStatement {
        // Before it is compiled: what changes meanwhile makes it one of a former version.
        let version = catalogue.version
        if let cached = cache.statement(for: sql, at: version) { return cached }
        let statement = try extract(sql) { statements throws(SQLError) in
            guard statements.count > 0 else {
                throw SQLError(code: "SQL_NO_STATEMENT", message: "the SQL has no statement")
            }
            guard statements.count == 1 else {
                throw SQLError(code: "SQL_MANY_STATEMENTS", message: "the SQL has more than one statement")
            }
            return try statements.prepare(0)
        }
        try permit(statement)
        if let answering = answeringTexts(statement, sql) { return answering }
        cache.insert(statement, for: sql, at: version)
        return statement
    }

    /// Parses `sql` and gives `body` what it holds.
    func extract<Answer>(
        _ sql: String, _ body: (DuckDBExtracted) throws(SQLError) -> Answer
    ) throws(SQLError) -> Answer {
        guard let open = handle else { throw DuckDBErrorCode.closed }
        let begin = LibSQLBegin(sql)
        let sql = begin.map { "BEGIN TRANSACTION\($0.mode == .readOnly ? " READ ONLY" : "")\($0.rest)" } ?? sql
        // Preparing ends in DuckDB what the connection is reading.
        cursor?.close()
        var text = sql
        let (bytes, hasNUL) = text.withUTF8 { ($0.count, $0.contains(0)) }
        if hasNUL { throw SQLError(code: "SQL_PARSE_ERROR", message: "the SQL contains a NUL character") }
        guard bytes <= options.maximumSQLBytes else {
            throw SQLError(
                code: "DUCKDB_OBJECT_SIZE", message: "the SQL has \(bytes) bytes; at most \(options.maximumSQLBytes) are allowed")
        }
        let api = library.api
        var extracted: duckdb_extracted_statements?
        let count = Int(api.extract_statements(open, sql, &extracted))
        defer { api.destroy_extracted(&extracted) }
        guard let extracted else { throw DuckDBConfiguration.outOfMemory }
        if count == 0, let message = api.extract_statements_error(extracted) {
            // Found by the parser alone: the transaction knows nothing of it.
            throw DuckDBErrorCode.error(String(cString: message))
        }
        return try body(DuckDBExtracted(count: count, handle: extracted, connection: self, sql: sql, begin: begin?.mode))
    }

    /// - Throws: `DUCKDB_PERMISSION`.
    func permit(_ statement: DuckDBStatement) throws(SQLError) {
        guard let reason = statement.type.refusal else { return }
        throw SQLError(code: "DUCKDB_PERMISSION", message: reason)
    }

    /// An error of DuckDB's: it aborts the transaction it happens in.
    func noted(_ error: SQLError) -> SQLError {
        if transaction == .open { transaction = .aborted }
        if error.code == "DUCKDB_FATAL" { health.isInvalid = true }
        return error.hidingDirectory(DuckDBFiles(quota.path).directory)
    }
}
