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

    /// Schema and content of every table.
    func dump() throws(SQLError) -> [[SQLValue]] {
        let schema = try run("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").rows
        var dump = schema
        for row in schema {
            guard case .text("table") = row[0], case .text(let name) = row[1] else { continue }
            dump += try run("SELECT * FROM \"\(name)\"").rows
        }
        return dump
    }
}
