import CSQLite
public import FleetModel

/// A SQLite file: all connections to it, and the capture of what they commit.
///
/// Not thread-safe, on purpose: it belongs to the actor whose lane it lives on; only its ``readers`` are used from other threads. While it is open no one else may open the
/// file, neither SQLite nor a plain descriptor: capture relies on seeing every commit, and closing a foreign
/// descriptor would drop SQLite's locks. Nothing is ever checkpointed by itself, neither at a size nor on closing.
public final class SQLiteDatabase {
    public let path: String
    public let options: SQLiteOptions
    private let clock: any FleetClock
    /// Bytes per page.
    public let pageSize: Int
    /// For checkpoints, captures, and requests outside interactive transactions. Open for as long as the database is.
    public private(set) var primary: SQLiteConnection
    /// Made by ``makeConnection()`` and not closed yet.
    public private(set) var connections: [SQLiteConnection] = []
    /// The most of them that were open at a time: while another connection holds a lock, SQLite keeps the file of one that is closed open for
    /// the next one, since closing it would drop the locks.
    private(set) var mostConnections = 0
    /// Those nobody uses at the moment, the primary included.
    var idle: [SQLiteConnection]

    var watermark: CaptureWatermark
    public private(set) var isProven = false
    let health = SQLiteHealth()
    let marks = CommitMarks()
    /// Of all its files.
    let use: SQLiteDiskUse
    private let madeReaders: EngineReaders
    public var readers: EngineReaders? { madeReaders }
    var walPath: String { path + "-wal" }

    /// Opens the file in WAL mode, or creates it with pages of 4096 bytes. Connections never wait for a lock.
    ///
    /// - Parameters:
    ///   - base: what is known about the file's content; decides whether the first capture is full.
    ///   - disk: whether the disk has room for the database to grow; `nil` when nobody looks.
    ///   - clock: by which statements are stopped.
    /// - Throws: `SQLITE_CANTOPEN`, `SQLITE_NOTADB`, `SQLITE_CORRUPT`, …
    public init(
        path: String, base: CaptureBase = .empty, options: SQLiteOptions = SQLiteOptions(), disk: DiskRoom? = nil, clock: any FleetClock = BootClock()
    ) throws(SQLError) {
        self.path = path
        self.options = options
        self.clock = clock
        use = SQLiteDiskUse(options, disk: disk)
        madeReaders = Self.makeReaders(path, options, use, marks, clock)
        let primary = try SQLiteConnection(path: path, options: options, use: use, health: health, create: true, clock: clock)
        self.primary = primary
        idle = [primary]
        // Before the mode is set: setting it for the first time writes page 1 into the main file, past the WAL.
        // A header that cannot be read is SQLite's to report, right below.
        let wasInWALMode = (try? MainFile(primary).isInWALMode()) ?? false
        try primary.runTrusted("PRAGMA page_size = \(SQLiteConnection.newPageSize)")
        guard try primary.runTrusted("PRAGMA journal_mode = WAL") == "wal" else {
            throw SQLError(code: "SQLITE_CANTOPEN", message: "WAL mode is not possible where the files are")
        }
        try primary.applySettings(options)
        pageSize = try primary.runTrusted("PRAGMA page_size").flatMap { Int($0) } ?? SQLiteConnection.newPageSize
        watermark = .unknown
        guard wasInWALMode else { return }
        switch base {
        case .empty: break
        case .restored: if try !walHasCommits() { watermark = .mainFile }
        case .continued(let mark):
            guard let known = proven(mark) else { break }
            watermark = known
            isProven = true
        }
    }

    deinit { close() }

    /// Whether the next capture is going to contain every page.
    public var nextCaptureIsFull: Bool { watermark == .unknown || health.fault != nil }

    /// A further connection, for an interactive transaction.
    public func makeConnection() throws(SQLError) -> SQLiteConnection {
        let connection = try connect()
        connections.append(connection)
        mostConnections = max(mostConnections, connections.count)
        return connection
    }

    private func connect() throws(SQLError) -> SQLiteConnection {
        let connection = try SQLiteConnection(path: path, options: options, use: use, health: health, create: false, clock: clock)
        try connection.applySettings(options)
        return connection
    }

    /// Puts another one in the place of a primary that was closed.
    func replacePrimary() throws(SQLError) {
        invariant(!primary.isOpen, "a primary connection is replaced that is open")
        primary = try connect()
        idle.append(primary)
    }

    /// Opens the files after ``close()`` as if nothing were known of them.
    func openAnew() throws(SQLError) {
        invariant(!primary.isOpen && connections.isEmpty, "the files are open")
        watermark = .unknown
        marks.reopened()
        try replacePrimary()
        madeReaders.open()
    }

    /// Closes one made by ``makeConnection()``; its open transaction is rolled back.
    public func close(_ connection: SQLiteConnection) {
        connection.close()
        connections.removeAll { $0 === connection }
        idle.removeAll { $0 === connection }
    }

    /// Closes all connections, rolling back what is open. The WAL stays beside the file. Twice does nothing.
    public func close() {
        madeReaders.shut()
        for connection in connections { connection.close() }
        connections = []
        idle = []
        primary.close()
        mostConnections = 0
    }

    private func walHasCommits() throws(SQLError) -> Bool {
        do throws(FileFailure) {
            guard let reader = try openWAL() else { return false }
            return try reader.scan(from: reader.header.start).pageCount != nil
        } catch {
            throw SQLError(code: "SQLITE_IOERR_READ", message: error.description)
        }
    }
}
