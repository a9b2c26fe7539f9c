import CDuckDB
import FleetModel

extension DuckDBDatabase {
    /// Opens the files for reading, which replays the WAL in memory, and closes them.
    static func rehearse(_ path: String, library: DuckDBLibrary, options: DuckDBOptions) throws(SQLError) {
        var database: duckdb_database? = try DuckDBConfiguration(options: options, readOnly: true).open(path, library: library)
        library.api.close(&database)
    }

    /// Opens the files for reading and has DuckDB read every value of every table: each block is checked against its checksum, and
    /// the WAL is replayed in memory. Leaves the files as they are.
    ///
    /// - Throws: DuckDB's own error.
    static func verify(_ path: String, library: DuckDBLibrary, options: DuckDBOptions) throws(SQLError) {
        var database: duckdb_database? = try DuckDBConfiguration(options: options, readOnly: true).open(path, library: library)
        defer { library.api.close(&database) }
        guard let open = database else { throw DuckDBConfiguration.outOfMemory }
        let connection = try DuckDBConnection(
            to: open, quota: DuckDBQuota(path: path, maximumBytes: options.maximumBytes), library: library, options: options)
        // Before the database, which otherwise stays open.
        defer { connection.close() }
        let tables = try connection.execute(
            SQLStatement("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()"))
        for row in tables.rows {
            guard case .text(let schema) = row[0], case .text(let table) = row[1] else { continue }
            let name = [schema, table].map(SQLName.quoted).joined(separator: ".")
            try connection.runTrusted("SELECT bit_xor(hash(t)) FROM \(name) t")
        }
    }
}
