/// Limits and sizes of one database. The defaults suit a shared node.
public struct SQLiteOptions: Sendable, Hashable, Codable {
    /// Largest size of the database in bytes; a write beyond it fails with `SQLITE_FULL`. Default 1 GiB.
    ///
    /// A statement that adds to the database is refused when main file, log and temporary files together reach it; pages that are free in the
    /// main file do not count. One that changes or removes what is there is refused when the log alone does, so that a database which is full
    /// can be made smaller. A file that is already larger can be opened and cannot grow.
    public var maximumBytes: Int64 = 1 << 30
    /// Bytes of temporary files of all statements together, where there are such files; a statement that needs more fails with
    /// `TEMPORARY_FULL`. Default 1 GiB.
    public var maximumTemporaryFileBytes: Int64 = 1 << 30
    /// Log and temporary files of up to so many bytes do not count: the log is not emptied before it has some length. Default 8 MiB.
    public var freeLogBytes: Int64 = 8 << 20
    /// Bytes of each temporary schema's tables. Default 64 MiB.
    public var maximumTemporaryBytes: Int64 = 64 << 20
    /// Whether temporary tables, and what is sorted, lie in files of the folder that `SQLITE_TMPDIR` names, and not in memory. Default `false`.
    public var keepsTemporaryFiles = false
    /// Largest text, blob or row in bytes (`SQLITE_LIMIT_LENGTH`). Default 32 MiB.
    public var maximumValueBytes: Int32 = 32 << 20
    /// Longest statement in bytes (`SQLITE_LIMIT_SQL_LENGTH`). Default 4 MiB.
    public var maximumSQLBytes: Int32 = 4 << 20
    /// Columns of a table, index, view or result (`SQLITE_LIMIT_COLUMN`). Default 2,000, as in SQLite.
    public var maximumColumns: Int32 = 2_000
    /// Depth of an expression's tree (`SQLITE_LIMIT_EXPR_DEPTH`). Default 500; SQLite has 1,000.
    public var maximumExpressionDepth: Int32 = 500
    /// Instructions of one compiled statement (`SQLITE_LIMIT_VDBE_OP`). Default 1,000,000 (24 MB of memory).
    public var maximumOperations: Int32 = 1_000_000
    /// Parts of a compound SELECT (`SQLITE_LIMIT_COMPOUND_SELECT`). Default 500, as in SQLite.
    public var maximumCompoundSelects: Int32 = 500
    /// Parameters of one statement (`SQLITE_LIMIT_VARIABLE_NUMBER`). Default 32,766, as in SQLite.
    public var maximumParameters: Int32 = 32_766
    /// Bytes of a LIKE or GLOB pattern (`SQLITE_LIMIT_LIKE_PATTERN_LENGTH`). Default 10,000; SQLite has 50,000.
    public var maximumPatternBytes: Int32 = 10_000
    /// Page cache of each connection in bytes: a ceiling, nothing is allocated ahead. Default 2 MiB.
    public var pageCacheBytes: Int64 = 2 << 20
    /// Prepared statements kept per connection. Default 32.
    public var preparedStatements = 32
    /// Whether triggers and views may use virtual tables (`trusted_schema`). Default `true`.
    ///
    /// SQLite 3.40 counts FTS5 among the untrusted ones, so the usual triggers that keep an FTS5 index in step with a table
    /// need this. Who writes the schema writes the statements as well: nothing native is registered on a connection, and the
    /// authorizer also sees what triggers and views do.
    public var trustsSchema = true

    /// Whether foreign keys are enforced on a connection that has not said otherwise (`foreign_keys`). Default `false`, as in SQLite;
    /// decided for each database.
    public var enforcesForeignKeys = false

    public init() {}
}
