import FleetModel

/// Values that cannot be read in place (BIGNUM, GEOMETRY, VARIANT) are answered as the texts DuckDB makes of them: the query
/// becomes the source of another one, which casts them.
extension DuckDBConnection {
    /// The statement that answers what `statement` does, in texts where that has to be; `nil` when it can be read, or nothing
    /// else can be done. Not kept for the next time: a table may have changed by then.
    func answeringTexts(_ statement: DuckDBStatement, _ sql: String) -> DuckDBStatement? {
        guard statement.type == .select else { return nil }
        let columns = statement.plannedColumns
        return columns.contains(where: \.type.isUndecided) ? nil : answeringTexts(columns, sql)
    }

    private func answeringTexts(_ columns: [DuckDBColumn], _ sql: String) -> DuckDBStatement? {
        guard columns.contains(where: { !$0.type.isReadable }) else { return nil }
        let names = columns.indices.map { "c\($0)" }
        let values = zip(names, columns).map { name, column in
            if column.type.isReadable { return name }
            // Nested types are answered as JSON.
            return column.type.children.isEmpty ? "CAST(\(name) AS VARCHAR)" : "CAST(to_json(\(name)) AS VARCHAR)"
        }
        var source = Substring(sql)
        while let last = source.last, last == ";" || last.isWhitespace { source.removeLast() }
        let wrapped = "SELECT \(values.joined(separator: ", ")) FROM (\n\(source)\n) AS answer (\(names.joined(separator: ", ")))"
        let answering = try? extract(wrapped) { statements throws(SQLError) -> DuckDBStatement? in
            statements.count == 1 ? try statements.prepareUnnoted(0) : nil
        }
        answering?.describedAs = columns.map { SQLResult.Column(name: $0.name, declaredType: $0.type.name) }
        return answering
    }

    /// Runs `body` with the statement of `sql`; once more with another one when only its result shows that it cannot be read: types
    /// may depend on arguments, and a table may have got another column since.
    func withStatement<Answer>(
        _ sql: String, _ body: (DuckDBStatement) throws(SQLError) -> Answer
    ) throws(SQLError) -> Answer {
        unreadable = nil
        let statement = try prepare(sql)
        do throws(SQLError) { return try body(statement) } catch {
            guard let columns = unreadable else { throw error }
            unreadable = nil
            // A change must not be carried out twice.
            guard statement.isStreamed, let again = answeringTexts(columns, sql) else { throw error }
            return try body(again)
        }
    }

    /// - Throws: `DUCKDB_NOT_IMPLEMENTED`.
    func requireReadable(_ result: DuckDBResult) throws(SQLError) {
        guard let column = result.columns.first(where: { !$0.type.isReadable }) else { return }
        unreadable = result.columns
        throw DuckDBErrorCode.unreadable(column.name, column.type.name)
    }
}
