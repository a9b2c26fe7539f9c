import CDuckDB
public import FleetModel

/// One connection to a database, made by ``DuckDBDatabase``.
///
/// Not thread-safe, on purpose: it lives on its database's lane. Every result it makes is read to its end or destroyed, so
/// between calls it holds no snapshot except that of an open transaction or cursor.
public final class DuckDBConnection {
    /// What is open. DuckDB's C API cannot be asked; every statement passes through here.
    enum Transaction {
        case none
        case open
        /// An error inside it: DuckDB refuses everything until it is rolled back.
        case aborted
    }

    /// `nil` after closing.
    private(set) var handle: duckdb_connection?
    let library: DuckDBLibrary
    let options: DuckDBOptions
    let quota: DuckDBQuota
    let paths: DuckDBPaths
    let interrupter: DuckDBInterrupter
    var cache: DuckDBStatementCache
    var transaction = Transaction.none {
        didSet { noteTransaction(after: oldValue) }
    }
    /// The open transaction did.
    var changedCatalogue = false
    /// Of the catalogue, when the open transaction began.
    var versionAtBegin: UInt64 = 0
    /// What is open was begun so that it cannot write.
    var isTransactionReadOnly = false
    /// Statements of our own that come again and again.
    var trusted: [String: DuckDBStatement] = [:]
    /// A client may have left settings, variables or temporary tables on it.
    var isMarked = false
    public var hasSessionState: Bool { isMarked }

    /// The columns of a result that could not be answered as it is.
    var unreadable: [DuckDBColumn]?
    /// The cursor that is not at its end. Nothing else runs beside it: DuckDB would end it by itself.
    weak var cursor: DuckDBCursor?

    /// The loader that is neither finished nor abandoned. Nothing else can run beside it.
    weak var loader: DuckDBLoader?

    let health: DuckDBHealth
    let catalogue: DuckDBCatalogue
    let deadlines: DeadlineWatch
    public var clock: any FleetClock { deadlines.clock }

    init(
        to database: duckdb_database, quota: DuckDBQuota, library: DuckDBLibrary, options: DuckDBOptions,
        health: DuckDBHealth = DuckDBHealth(), catalogue: DuckDBCatalogue = DuckDBCatalogue(), deadlines: DeadlineWatch = .machine
    ) throws(SQLError) {
        self.deadlines = deadlines
        self.health = health
        self.catalogue = catalogue
        self.paths = DuckDBPaths(DuckDBFiles(quota.path).directory)
        var handle: duckdb_connection?
        guard library.api.connect(database, &handle) == 0, let handle else { throw DuckDBConfiguration.outOfMemory }
        self.handle = handle
        self.library = library
        self.options = options
        self.quota = quota
        interrupter = DuckDBInterrupter(handle, library: library)
        cache = DuckDBStatementCache(capacity: options.preparedStatements)
    }

    deinit { close() }

    /// Rolls back an open transaction and closes. Closing twice does nothing.
    func close() {
        guard handle != nil else { return }
        endOpenWork()
        interrupter.invalidate()
        cache.removeAll()
        trusted = [:]
        transaction = .none
        library.api.disconnect(&handle)
        handle = nil
    }

    var isOpen: Bool { handle != nil }

    /// Nothing is under way, so that the files can be checkpointed.
    var isIdle: Bool { isAutocommit && cursor == nil }

    /// Closes the open cursor and abandons the open loader.
    func endOpenWork() {
        cursor?.close()
        loader?.abandon()
    }

    /// Before a client's statement: closes the open cursor.
    ///
    /// - Throws: `LOADER_OPEN`.
    func makeReady() throws(SQLError) {
        guard loader == nil else { throw DuckDBErrorCode.loading }
        cursor?.close()
    }

    /// Whether no transaction is open.
    ///
    /// An error inside a transaction leaves it open and aborted: DuckDB refuses every statement but ROLLBACK. A COMMIT that
    /// fails ends it.
    public var isAutocommit: Bool { transaction == .none }

    /// Ends an open transaction without its changes; without one, does nothing.
    public func rollback() throws(SQLError) {
        guard transaction != .none else { return }
        try runTrusted("ROLLBACK")
        transaction = .none
    }

    /// Runs one of our own statements, past the rules for clients; its rows are dropped.
    func runTrusted(_ sql: String, _ limits: StatementLimits = .unlimited) throws(SQLError) {
        let statement = try extract(sql) { statements throws(SQLError) in try statements.prepare(0) }
        try run(statement, arguments: [], limits) { _ in }
    }
}
