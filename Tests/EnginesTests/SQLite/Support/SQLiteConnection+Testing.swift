import Engines
import FleetModel

extension SQLiteConnection {
    @discardableResult
    func run(_ sql: String, _ values: SQLValue...) throws(SQLError) -> SQLResult {
        try execute(SQLStatement(sql, arguments: values.isEmpty ? .none : .positional(values)))
    }

    func value(_ sql: String, _ values: SQLValue...) throws(SQLError) -> SQLValue? {
        try execute(SQLStatement(sql, arguments: values.isEmpty ? .none : .positional(values))).rows.first?.first
    }

    /// The code `sql` fails with; `nil` when it does not.
    func code(_ sql: String, _ arguments: SQLArguments = .none) -> String? {
        do {
            _ = try execute(SQLStatement(sql, arguments: arguments))
            return nil
        } catch { return error.code }
    }

    /// Schema and content of every table, as text.
    func dump() throws(SQLError) -> [String] {
        var lines: [String] = []
        let schema = try run("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
        lines += schema.rows.map { "\($0)" }
        for row in schema.rows {
            guard case .text("table") = row[0], case .text(let name) = row[1] else { continue }
            let rows = try run("SELECT * FROM \"\(name)\"").rows.map { "\(name): \($0)" }
            lines += rows.sorted()
        }
        return lines
    }
}
