import CDuckDB
import FleetModel

/// The settings of a database: what a client can reach, how much it may take, and that the files change only when we say so.
struct DuckDBConfiguration {
    let options: DuckDBOptions
    var readOnly = false

    /// Those that are given to `duckdb_open_ext`.
    private var opening: [(String, String)] {
        [
            ("access_mode", readOnly ? "READ_ONLY" : "READ_WRITE"),
            ("threads", "\(max(1, options.threads))"),
            // Eight threads by default, whatever `threads` says.
            ("async_threads", "0"),
            ("memory_limit", "\(max(1, options.memoryBytes))B"),
            ("max_temp_directory_size", "\(max(0, options.maximumTemporaryBytes))B"),
            ("max_expression_depth", "\(max(1, options.maximumExpressionDepth))"),
            ("storage_compatibility_version", options.storageVersion),
            // Checkpoints are ours to time: not at a size, not instead of a WAL entry, not on closing.
            ("checkpoint_threshold", "1000TiB"),
            ("auto_checkpoint_skip_wal_threshold", "\(Int64.max)"),
            ("checkpoint_on_detach", "DISABLED"),
            ("autoload_known_extensions", "false"),
            ("autoinstall_known_extensions", "false"),
            ("allow_community_extensions", "false"),
            ("allow_persistent_secrets", "false"),
            // Nothing is read there; by default they name the home of who runs the node.
            ("home_directory", Self.nowhere), ("secret_directory", "\(Self.nowhere)/secrets"), ("extension_directory", "\(Self.nowhere)/extensions"),
        ]
    }

    private static let nowhere = "/nonexistent"

    /// Those that only an open database takes, the lock last.
    private static let opened = [
        "PRAGMA disable_checkpoint_on_shutdown", "SET enable_external_access = false", "SET lock_configuration = true",
    ]

    /// Opens the files at `path`, or creates them.
    ///
    /// - Throws: `DUCKDB_IO`, `DUCKDB_SERIALIZATION`, …
    func open(_ path: String, library: DuckDBLibrary) throws(SQLError) -> duckdb_database {
        let api = library.api
        var config: duckdb_config?
        guard api.create_config(&config) == 0, let config else { throw Self.outOfMemory }
        defer {
            var config: duckdb_config? = config
            api.destroy_config(&config)
        }
        for (name, value) in opening where api.set_config(config, name, value) != 0 {
            throw SQLError(code: "DUCKDB_SETTINGS", message: "DuckDB \(library.version) does not know \(name) = \(value)")
        }
        var database: duckdb_database?
        var message: UnsafeMutablePointer<CChar>?
        guard api.open_ext(path, &database, config, &message) == 0, let database else {
            // DuckDB names the files in full; where a node has them is nobody else\'s business.
            throw DuckDBErrorCode.error(library.take(message)).hidingDirectory(DuckDBFiles(path).directory)
        }
        return database
    }

    func lock(_ connection: DuckDBConnection) throws(SQLError) {
        // A library without ICU has no time zones and no such setting.
        try? connection.runTrusted("SET GLOBAL TimeZone = 'UTC'")
        for statement in Self.opened { try connection.runTrusted(statement) }
    }

    static let outOfMemory = SQLError(code: "DUCKDB_OUT_OF_MEMORY", message: "DuckDB has no memory for another object")
}
