import FleetModel

/// What keeps a client that may only read from writing: what SQLite says of the statement, and `query_only`, with which
/// nothing the statement leads to can open a write transaction, not even of a temporary table.
extension SQLiteConnection {
    /// Closes the open cursor, and sets the connection to reading only or to writing as well. Costs nothing while that stays
    /// as it is.
    ///
    /// - Throws: `BLOCKED`, `LOADER_OPEN`; `SQLITE_FULL` or `NODE_DISK_FULL` for one that adds to a database that is full.
    func makeReady(for statement: PreparedStatement, readOnly: Bool) throws(SQLError) {
        try makeReady()
        if isAutocommit { isTransactionReadOnly = statement.beginsReadOnly }
        let readOnly = readOnly || isTransactionReadOnly
        if readOnly && statement.writes { throw Self.readOnly }
        try setReadingOnly(readOnly)
        try beginFiles(for: statement)
        context.isWriting = statement.writes || holdsWriteLock
    }

    func setReadingOnly(_ readOnly: Bool) throws(SQLError) {
        guard readOnly != isReadingOnly else { return }
        try runTrusted("PRAGMA query_only = \(readOnly ? "ON" : "OFF")")
        isReadingOnly = readOnly
    }

    /// Closes the open cursor.
    ///
    /// - Throws: `LOADER_OPEN`.
    func makeReady() throws(SQLError) {
        guard loader == nil else { throw Self.loading }
        cursor?.close()
    }

    /// Closes the open cursor and abandons the open loader.
    func endOpenWork() {
        cursor?.close()
        loader?.abandon()
    }

    static let readOnly = SQLError(code: "BLOCKED", message: "this access or transaction allows reading only, and the statement may change something")
}
