import FleetModel

/// A table that rows are loaded into, and those of its columns that they have.
struct SQLiteLoadTarget {
    /// As SQL, quoted.
    let name: String
    let columns: [String]

    /// - Parameters:
    ///   - table: a name, with `main.` or `temp.` before it or without; a table whose own name has a dot is found as well.
    ///   - names: `nil` for all columns that are neither generated nor hidden, in the table's order.
    /// - Throws: `LOAD_TARGET_UNKNOWN`.
    init(_ table: String, columns names: [String]?, on connection: SQLiteConnection) throws(SQLError) {
        let (schema, found) = try Self.find(table, on: connection)
        name = SQLName.quoted(schema) + "." + SQLName.quoted(found)
        let known = try connection.execute(
            SQLStatement(
                "SELECT name, hidden FROM pragma_table_xinfo(?1, ?2) ORDER BY cid",
                arguments: .positional([.text(found), .text(schema)]))
        ).rows.compactMap { row -> (name: String, isPlain: Bool)? in
            guard case .text(let name) = row[0] else { return nil }
            return (name, row[1] == .integer(0))
        }
        guard let names else {
            columns = known.filter(\.isPlain).map(\.name)
            return
        }
        var chosen: [String] = []
        for name in names {
            guard let column = known.first(where: { SQLName.folded($0.name) == SQLName.folded(name) }) else {
                throw Self.unknown("the table \(found) has no column “\(name)”")
            }
            guard column.isPlain else { throw Self.unknown("the column “\(name)” of \(found) is generated") }
            guard !chosen.contains(where: { $0.hasSameBytes(as: column.name) }) else { throw Self.unknown("the column “\(name)” of \(found) is named twice") }
            chosen.append(column.name)
        }
        guard !chosen.isEmpty else { throw Self.unknown("no column of \(found) is named") }
        columns = chosen
    }

    var insert: String {
        let names = columns.map(SQLName.quoted).joined(separator: ", ")
        return "INSERT INTO \(name) (\(names)) VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))"
    }

    private static func find(
        _ table: String, on connection: SQLiteConnection
    ) throws(SQLError) -> (schema: String, table: String) {
        let parts = table.parts(separatedBy: UInt8(ascii: "."), maxSplits: 1).map(SQLValue.text)
        // A temporary table hides others of its name.
        let found = try connection.execute(
            SQLStatement(
                """
                SELECT schema, name, type FROM pragma_table_list WHERE name = ?1 COLLATE NOCASE
                OR schema = ?2 COLLATE NOCASE AND name = ?3 COLLATE NOCASE ORDER BY schema <> 'temp' LIMIT 1
                """, arguments: .positional([.text(table)] + (parts.count == 2 ? parts : [.null, .null])))
        ).rows.first
        guard let found, case .text(let schema) = found[0], case .text(let name) = found[1] else {
            throw unknown("there is no table “\(table)”")
        }
        guard found[2] != .text("view") else { throw unknown("“\(table)” is a view") }
        return (schema, name)
    }

    private static func unknown(_ message: String) -> SQLError { SQLError(code: "LOAD_TARGET_UNKNOWN", message: message) }
}
