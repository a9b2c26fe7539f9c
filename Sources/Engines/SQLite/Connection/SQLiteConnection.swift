import CSQLite
public import FleetModel

/// One connection to a database file, made by ``SQLiteDatabase``.
///
/// Not thread-safe, on purpose: it lives on its database's lane. Every statement it leaves behind is reset, so between
/// calls it holds no lock except that of an open transaction or cursor.
public final class SQLiteConnection {
    /// `nil` after closing.
    private(set) var handle: OpaquePointer?
    let context: ConnectionContext
    /// Of the whole database.
    let health: SQLiteHealth
    let options: SQLiteOptions
    let files: SQLiteFiles
    /// Bytes per page; that of a new database until the file was looked at.
    var pageSize = Int64(SQLiteConnection.newPageSize)
    /// For a watcher on another thread.
    public let interrupter: SQLiteInterrupter

    var cache: StatementCache
    var arguments = ArgumentBuffer()
    /// Memory for the rows of the next statement.
    var spareRows = RowWriter()
    /// As they were before a client's first PRAGMA.
    var settingsBefore: SessionSettings?
    /// They are not as they were.
    private(set) var hasChangedSettings = false
    var temporaryTablesAreLimited = false
    /// The cursor that is not at its end. Anything else that is run ends it.
    weak var cursor: SQLiteCursor?
    /// The loader that is neither finished nor abandoned. Nothing else can run beside it.
    weak var loader: SQLiteLoader?
    /// `query_only` is on.
    var isReadingOnly = false
    /// The open transaction was begun so that it cannot write.
    var isTransactionReadOnly = false

    /// Opens `path` and applies what does not depend on its content.
    init(path: String, options: SQLiteOptions, use: SQLiteDiskUse, health: SQLiteHealth, create: Bool, clock: any FleetClock) throws(SQLError) {
        SQLiteRuntime.start()
        context = ConnectionContext(clock)
        // Debian's SQLite takes a name that starts with “file:” for a URI, with options in it.
        let path = path.hasPrefix("/") ? path : "./" + path
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (create ? SQLITE_OPEN_CREATE : 0)
        var opened: OpaquePointer?
        let files = try SQLiteFiles(use)
        let code = files.opening { sqlite3_open_v2(path, &opened, flags, $0) }
        guard code == SQLITE_OK, let opened else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw SQLError(code: SQLiteResultCode.name(code), message: message)
        }
        handle = opened
        self.health = health
        self.options = options
        self.files = files
        cache = StatementCache(capacity: options.preparedStatements)
        interrupter = SQLiteInterrupter(opened)
        applyLimits(options)
        SQLiteAuthorizer.install(on: opened, context: context)
        SessionFunctions.install(on: opened, context.functions)
        StatementDeadline.install(on: opened, context: context)
    }

    deinit { close() }

    /// Rolls back an open transaction and closes, without a checkpoint. Closing twice does nothing.
    func close() {
        guard let handle else { return }
        endOpenWork()
        interrupter.invalidate()
        cache.removeAll()
        self.handle = nil
        sqlite3_close_v2(handle)
    }

    var isOpen: Bool { handle != nil }

    public var clock: any FleetClock { context.clock }

    /// Whether no transaction is open.
    ///
    /// Some errors roll a whole transaction back: an interrupted write, a full disk or quota, an I/O error. Ask this after
    /// an error inside a transaction.
    public var isAutocommit: Bool { handle.map { sqlite3_get_autocommit($0) != 0 } ?? true }

    /// Whether an open transaction has SQLite's write lock.
    public var holdsWriteLock: Bool {
        guard !isAutocommit, let handle else { return false }
        return sqlite3_txn_state(handle, "main") == SQLITE_TXN_WRITE
    }

    /// Rows changed since the connection was opened, including by triggers and foreign keys.
    public var totalChanges: Int64 { handle.map { sqlite3_total_changes64($0) } ?? 0 }

    /// Stops the running statement. From another thread, use ``interrupter``.
    public func interrupt() { interrupter.interrupt() }

    /// Ends an open transaction without its changes; without one, does nothing.
    public func rollback() throws(SQLError) {
        if !isAutocommit { try runTrusted("ROLLBACK") }
    }

    /// A client changed a setting, made something temporary, or asked for what only this connection can tell.
    public var hasSessionState: Bool { hasChangedSettings || context.isBoundToConnection || context.createsTemporaryTables }

    public var counters: SessionCounters {
        get { handle.map(context.functions.counters(of:)) ?? SessionCounters() }
        set { if let handle { context.functions.begin(newValue, on: handle) } }
    }

    /// After a client's statement: what it made or set that outlasts it.
    func noteSessionState() throws(SQLError) {
        try limitTemporaryTables()
        guard context.mayHaveChangedSettings else { return }
        context.mayHaveChangedSettings = false
        hasChangedSettings = try SessionSettings(of: self) != settingsBefore
    }

    /// Makes the connection ready for another client: ends what is under way, rolls back, undoes the client's PRAGMAs, and drops
    /// what is temporary.
    public func resetSession() throws(SQLError) {
        endOpenWork()
        try rollback()
        isTransactionReadOnly = false
        try setReadingOnly(false)
        if hasChangedSettings || context.isBoundToConnection || context.mayHaveChangedSettings { try settingsBefore?.restore(on: self) }
        settingsBefore = nil
        hasChangedSettings = false
        context.mayHaveChangedSettings = false
        context.isBoundToConnection = false
        try dropTemporaryObjects()
    }

    private func dropTemporaryObjects() throws(SQLError) {
        guard context.createsTemporaryTables else { return }
        // Worth nothing without the tables, and kept they would be compiled again at every use.
        cache.removeAll()
        let next = #"""
            SELECT type || ' temp."' || replace(name, '"', '""') || '"' FROM temp.sqlite_schema
            WHERE type IN ('view', 'trigger', 'table') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY type = 'table' LIMIT 1
            """#
        while let object = try runTrusted(next) { try runTrusted("DROP \(object)") }
        context.createsTemporaryTables = false
    }
}
