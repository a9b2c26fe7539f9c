/// Limits and sizes of one database. The defaults suit a shared node.
public struct DuckDBOptions: Sendable, Hashable, Codable {
    /// Memory of the whole database in bytes (`memory_limit`); a query that needs more fails alone. Default 256 MiB.
    public var memoryBytes: Int64 = 256 << 20
    /// Threads a query may use, the one that runs it included (`threads`). Default 1.
    public var threads = 1
    /// Largest size of the main file, its WAL and its temporary files together, in bytes; a write beyond it fails with `DUCKDB_FULL`.
    /// Default 8 GiB. DuckDB knows no such limit: it is checked while a write runs, so that one statement can exceed it by
    /// what it holds in memory.
    public var maximumBytes: Int64 = 8 << 30
    /// Bytes of what does not fit into memory, in files beside the database (`max_temp_directory_size`); a statement that needs more fails
    /// with `TEMPORARY_FULL`. Default 1 GiB.
    public var maximumTemporaryBytes: Int64 = 1 << 30
    /// Longest statement in bytes. Default 4 MiB.
    public var maximumSQLBytes = 4 << 20
    /// Largest text or blob that is bound to a parameter, in bytes. Default 32 MiB.
    public var maximumValueBytes = 32 << 20
    /// Depth of an expression's tree (`max_expression_depth`). Default 500; DuckDB has 1,000.
    public var maximumExpressionDepth = 500
    /// Prepared statements kept per connection. Default 32.
    public var preparedStatements = 32
    /// Which versions of DuckDB can read the files (`storage_compatibility_version`): pinned, so that a newer library
    /// on one node does not write what another cannot open.
    public var storageVersion = "v2.0.0"

    public init() {}
}
