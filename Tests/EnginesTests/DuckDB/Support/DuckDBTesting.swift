@testable import Engines
import Changesets
import FleetModel

extension DuckDBLibrary {
    /// The one `ops/install-duckdb` has installed: the suites need it.
    static func forTests() throws -> DuckDBLibrary { try load() }
}

extension DuckDBDatabase {
    convenience init(
        _ path: String, base: CaptureBase = .empty, _ change: (inout DuckDBOptions) -> Void = { _ in }
    ) throws {
        var options = DuckDBOptions()
        change(&options)
        try self.init(path: path, base: base, library: .forTests(), options: options)
    }
}

extension EngineConnection {
    @discardableResult
    func run(_ sql: String, _ values: SQLValue...) throws(SQLError) -> SQLResult {
        try execute(SQLStatement(sql, arguments: values.isEmpty ? .none : .positional(values)), limits: .unlimited)
    }

    func value(_ sql: String, _ values: SQLValue...) throws(SQLError) -> SQLValue? {
        try execute(SQLStatement(sql, arguments: values.isEmpty ? .none : .positional(values)), limits: .unlimited).rows.first?.first
    }

    /// The code `sql` fails with; `nil` when it does not.
    func code(_ sql: String, _ arguments: SQLArguments = .none, _ limits: StatementLimits = .unlimited) -> String? {
        error(sql, arguments, limits)?.code
    }

    func error(_ sql: String, _ arguments: SQLArguments = .none, _ limits: StatementLimits = .unlimited) -> SQLError? {
        do {
            _ = try execute(SQLStatement(sql, arguments: arguments), limits: limits)
            return nil
        } catch { return error }
    }
}

extension DuckDBConnection {
    /// Every table with its columns, the number of its rows and a hash of them that does not depend on their order.
    func dump() throws(SQLError) -> [[SQLValue]] {
        let tables = try run("SELECT table_name, sql FROM duckdb_tables() WHERE NOT temporary ORDER BY table_name").rows
        var dump = tables
        for row in tables {
            guard case .text(let name) = row[0] else { continue }
            dump += try run("SELECT count(*), sum(hash(t)), bit_xor(hash(t)) FROM \"\(name)\" t").rows
        }
        return dump
    }
}

/// A copy of a database made of captured page sets.
struct DuckDBReplica {
    let path: String

    init(_ sets: [PageSet], in directory: TemporaryDirectory, name: String = "replica.db") throws {
        path = directory.file(name)
        let builder = try DuckDBFileBuilder(target: path)
        for set in sets { try builder.apply(set) }
        try builder.finish()
    }

    func dump() throws -> [[SQLValue]] {
        let database = try DuckDBDatabase(path, base: .restored)
        defer { database.close() }
        return try database.primary.dump()
    }
}
