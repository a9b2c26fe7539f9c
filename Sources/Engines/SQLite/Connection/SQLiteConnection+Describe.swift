import CSQLite
public import FleetModel

extension SQLiteConnection {
    /// What a statement would need and answer.
    ///
    /// Compiles it without running it; but SQLite applies PRAGMAs that set a flag (`foreign_keys = ON`) already then.
    ///
    /// - Throws: as `execute` does for its text.
    public func describe(_ sql: String) throws(SQLError) -> SQLDescription {
        let statement = try prepare(sql)
        return SQLDescription(
            parameters: statement.parameterNames, columns: statement.columns, isExplain: statement.isExplain,
            isReadOnly: !statement.writes)
    }

    /// Whether the statement leaves the database file as it is, whatever its arguments.
    ///
    /// BEGIN (deferred), COMMIT, ROLLBACK, SAVEPOINT and RELEASE count as reading: they change nothing themselves.
    /// BEGIN IMMEDIATE and BEGIN EXCLUSIVE take the write lock and count as writing. EXPLAIN always reads.
    public func isReadOnly(_ sql: String) throws(SQLError) -> Bool { try !prepare(sql).writesFile }

    /// Whether the statement takes SQLite's write lock, of which a database has one.
    ///
    /// The opposite of ``isReadOnly(_:)``. A COMMIT needs no turn of its own: the transaction has it since its first write. What
    /// changes nothing but temporary tables needs none either.
    public func needsWriteTurn(_ sql: String) throws(SQLError) -> Bool { try prepare(sql).writesFile }
}
