import FleetModel

/// A table that rows are loaded into, and those of its columns that they have.
struct DuckDBLoadTarget {
    struct Column {
        var name: String
        /// As SQL writes it.
        var type: String
    }

    /// As SQL, quoted.
    let name: String
    let columns: [Column]

    /// - Parameters:
    ///   - table: a name, with its schema before a dot or without; a table whose own name has a dot is found as well.
    ///   - names: `nil` for all columns that are not generated, in the table's order.
    /// - Throws: `LOAD_TARGET_UNKNOWN`.
    init(_ table: String, columns names: [String]?, on connection: DuckDBConnection) throws(SQLError) {
        let (database, schema, found) = try Self.find(table, on: connection)
        name = [database, schema, found].map(SQLName.quoted).joined(separator: ".")
        let rows = try connection.execute(
            SQLStatement(
                """
                SELECT column_name, data_type, is_generated FROM duckdb_columns()
                WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index
                """, arguments: .positional([.text(database), .text(schema), .text(found)]))
        ).rows
        var known: [(column: Column, isGenerated: Bool)] = []
        for row in rows {
            guard case .text(let name) = row[0], case .text(let type) = row[1] else { continue }
            known.append((Column(name: name, type: type), row[2] == .integer(1)))
        }
        guard let names else {
            columns = known.filter { !$0.isGenerated }.map(\.column)
            return
        }
        var chosen: [Column] = []
        for name in names {
            guard let column = known.first(where: { SQLName.folded($0.column.name) == SQLName.folded(name) }) else {
                throw Self.unknown("the table \(found) has no column “\(name)”")
            }
            guard !column.isGenerated else { throw Self.unknown("the column “\(name)” of \(found) is generated") }
            guard !chosen.contains(where: { $0.name.hasSameBytes(as: column.column.name) }) else {
                throw Self.unknown("the column “\(name)” of \(found) is named twice")
            }
            chosen.append(column.column)
        }
        guard !chosen.isEmpty else { throw Self.unknown("no column of \(found) is named") }
        columns = chosen
    }

    private static func find(
        _ table: String, on connection: DuckDBConnection
    ) throws(SQLError) -> (database: String, schema: String, table: String) {
        let name = SQLName.folded(table).text
        let parts = name.parts(separatedBy: UInt8(ascii: "."), maxSplits: 1).map(SQLValue.text)
        // Names are compared as DuckDB does; a temporary table hides others of its name.
        func folded(_ column: String) -> String { "translate(\(column), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')" }
        let found = try connection.execute(
            SQLStatement(
                """
                SELECT database_name, schema_name, table_name, is_table FROM (
                    SELECT database_name, schema_name, table_name, true AS is_table FROM duckdb_tables() WHERE NOT internal
                    UNION ALL SELECT database_name, schema_name, view_name, false FROM duckdb_views() WHERE NOT internal)
                WHERE database_name IN (current_database(), 'temp')
                    AND (\(folded("table_name")) = $whole AND list_contains(current_schemas(true), schema_name)
                        OR \(folded("schema_name")) = $schema AND \(folded("table_name")) = $table)
                ORDER BY database_name = 'temp' DESC, list_position(current_schemas(true), schema_name) LIMIT 1
                """,
                arguments: .named([
                    NamedArgument(name: "whole", value: .text(name)),
                    NamedArgument(name: "schema", value: parts.count == 2 ? parts[0] : .null),
                    NamedArgument(name: "table", value: parts.count == 2 ? parts[1] : .null),
                ]))
        ).rows.first
        guard let found, case .text(let database) = found[0], case .text(let schema) = found[1], case .text(let name) = found[2] else {
            throw unknown("there is no table “\(table)”")
        }
        guard found[3] == .integer(1) else { throw unknown("“\(table)” is a view") }
        return (database, schema, name)
    }

    private static func unknown(_ message: String) -> SQLError { SQLError(code: "LOAD_TARGET_UNKNOWN", message: message) }
}
