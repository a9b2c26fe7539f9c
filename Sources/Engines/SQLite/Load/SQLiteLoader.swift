import CSQLite
public import FleetModel

/// Loads rows into one table by one prepared INSERT, in a transaction of its own or a savepoint of the caller's.
final class SQLiteLoader: EngineLoader {
    private static let savepoint = "\"berth: a load\""
    /// The clock is read once per so many rows, apart from SQLite's own check inside a long statement.
    private static let rowsPerCheck = 256

    let columnCount: Int
    private let connection: SQLiteConnection
    /// `nil` at the end: kept longer it would keep a closed connection's files open.
    private var insert: PreparedStatement?
    private var memory = ArgumentBuffer()
    private let hasOwnTransaction: Bool
    private var rowCount: Int64 = 0
    private var isOpen = true

    init(_ target: SQLiteLoadTarget, on connection: SQLiteConnection) throws(SQLError) {
        self.connection = connection
        columnCount = target.columns.count
        let insert = try connection.prepare(target.insert)
        self.insert = insert
        try connection.setReadingOnly(connection.isTransactionReadOnly && !connection.isAutocommit)
        try connection.beginFiles(for: insert)
        hasOwnTransaction = connection.isAutocommit
        try connection.runTrusted(hasOwnTransaction ? "BEGIN IMMEDIATE" : "SAVEPOINT \(Self.savepoint)")
    }

    deinit { abandon() }

    func append(_ rows: [[SQLValue]], deadline: BootInstant?) throws(SQLError) {
        try orUndo(deadline) { () throws(SQLError) in
            guard let insert else { throw SQLiteConnection.loaderClosed }
            for row in rows {
                if rowCount % Int64(Self.rowsPerCheck) == 0 { try connection.stopAfterDeadline() }
                do throws(SQLError) { try add(row, by: insert) } catch {
                    throw SQLError(code: error.code, message: "row \(rowCount + 1): \(error.message)")
                }
                rowCount += 1
            }
        }
    }

    private func add(_ row: [SQLValue], by insert: PreparedStatement) throws(SQLError) {
        guard row.count == columnCount else {
            throw SQLError(code: "ARGS_INVALID", message: "it has \(row.count) values, and \(columnCount) are wanted")
        }
        connection.context.isWriting = true
        try memory.bind(.positional(row), to: insert)
        let code = sqlite3_step(insert.handle)
        guard code == SQLITE_DONE else {
            let error = connection.failure(code)
            sqlite3_reset(insert.handle)
            throw error
        }
        sqlite3_reset(insert.handle)
    }

    func finish(deadline: BootInstant?) throws(SQLError) -> Int64 {
        try orUndo(deadline) { () throws(SQLError) in
            try connection.stopAfterDeadline()
            try connection.runTrusted(hasOwnTransaction ? "COMMIT" : "RELEASE \(Self.savepoint)")
        }
        invariant(!hasOwnTransaction || connection.isAutocommit, "a load is acknowledged before its transaction has ended")
        end()
        return rowCount
    }

    func abandon() {
        guard isOpen else { return }
        end()
        // An error that rolled back the transaction took the savepoint with it.
        guard !connection.isAutocommit else { return }
        guard !hasOwnTransaction else { return connection.rollBackOrClose() }
        do throws(SQLError) {
            try connection.runTrusted("ROLLBACK TO \(Self.savepoint)")
            try connection.runTrusted("RELEASE \(Self.savepoint)")
        } catch {
            connection.rollBackOrClose()
        }
    }

    private func end() {
        isOpen = false
        if let insert {
            sqlite3_reset(insert.handle)
            memory.release(insert)
        }
        insert = nil
        if connection.loader === self { connection.loader = nil }
    }

    /// Undoes everything when `body` fails.
    private func orUndo(_ deadline: BootInstant?, _ body: () throws(SQLError) -> Void) throws(SQLError) {
        guard isOpen else { throw SQLiteConnection.loaderClosed }
        do throws(SQLError) {
            try connection.until(deadline, from: connection.clock.instant(), body)
        } catch {
            abandon()
            throw error
        }
    }
}

extension SQLiteConnection {
    /// Begins to load rows into `table`. Inside a transaction a load that fails is undone alone, unless the error rolls back the
    /// transaction, see ``isAutocommit``.
    public func load(into table: String, columns: [String]?) throws(SQLError) -> any EngineLoader {
        try makeReady()
        let loader = try SQLiteLoader(SQLiteLoadTarget(table, columns: columns, on: self), on: self)
        self.loader = loader
        return loader
    }

    /// Nothing of the open transaction may be left in what is committed later.
    fileprivate func rollBackOrClose() {
        do throws(SQLError) { try rollback() } catch { close() }
    }

    fileprivate func stopAfterDeadline() throws(SQLError) {
        guard let deadline = context.deadline, deadline <= clock.instant() else { return }
        context.timedOut = true
        throw interruption
    }

    static let loaderClosed = SQLError(code: "LOADER_CLOSED", message: "the loader was finished or abandoned, or an error ended it")

    static let loading = SQLError(code: "LOADER_OPEN", message: "rows are being loaded on this connection: finish or abandon that first")
}
