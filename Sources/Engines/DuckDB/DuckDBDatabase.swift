import CDuckDB
public import FleetModel
import Foundation

/// The files of a DuckDB database: all connections to it, and the capture of what they commit.
///
/// Not thread-safe, on purpose: it belongs to the actor whose lane it lives on; only its ``readers`` are used from other threads. While it is open no one else may open its
/// main file: closing a foreign descriptor would drop DuckDB's lock. Nothing is ever checkpointed by itself; a checkpoint that
/// happens all the same is captured like everything else.
public final class DuckDBDatabase: EngineDatabase {
    /// Kept for the next requests; more than a few of one database are rarely under way.
    private static let keptConnections = 2

    public let path: String
    public let options: DuckDBOptions
    /// For what the node does itself, such as checkpoints. Open for as long as the database is.
    public private(set) var primary: DuckDBConnection
    let files: DuckDBFiles
    let reader: DuckDBReader
    /// All that are open, the primary included.
    private(set) var connections: [DuckDBConnection]
    private var idle: [DuckDBConnection]
    private let library: DuckDBLibrary
    private var handle: duckdb_database?
    let health = DuckDBHealth()
    private let catalogue = DuckDBCatalogue()
    private let deadlines: DeadlineWatch
    let quota: DuckDBQuota
    /// Answers how full the database is; made when that is asked for the first time.
    private var knownObserver: DuckDBConnection?
    /// The state that is captured; `nil` when nothing is known of it.
    var captured: DuckDBState?
    /// Blocks that were captured while they were being written, by a checkpoint that a client who reads has asked for: the next capture has them again.
    var tornBlocks: Set<Int> = []
    /// Of the WAL as it is captured; `nil` when that is not known.
    var walDigest: UInt64?
    /// The WAL was there when DuckDB opened it, and may end in part of a commit whose writing failed.
    ///
    /// DuckDB replays up to there, and cuts that part off when it writes for the first time: the WAL may then have the same length as
    /// before and other content. Until it is empty again it is captured whole.
    var walMayBeTorn = false
    let marks = CommitMarks()
    private let opened: OpenDuckDB
    private let madeReaders: EngineReaders
    public var readers: EngineReaders? { madeReaders }

    /// Opens the files at `path`, or creates them.
    ///
    /// - Parameters:
    ///   - base: what is known about their content; decides whether the first capture is full. After `restored`, whatever opening itself changes is
    ///     captured.
    ///   - disk: whether the disk has room for the database to grow; `nil` when nobody looks.
    ///   - deadlines: what stops statements.
    /// - Throws: `DUCKDB_IO`, `DUCKDB_SERIALIZATION`, … with DuckDB's message.
    init(
        path: String, base: CaptureBase = .empty, library: DuckDBLibrary, options: DuckDBOptions = DuckDBOptions(), disk: DiskRoom? = nil,
        deadlines: DeadlineWatch = .machine
    ) throws(SQLError) {
        self.deadlines = deadlines
        self.path = path
        self.options = options
        self.library = library
        let files = DuckDBFiles(path)
        self.files = files
        var reader: DuckDBReader?
        var captured: DuckDBState?
        do throws(CaptureError) {
            reader = try Self.reader(files)
            let state = try reader?.state(digestsWAL: true)
            walMayBeTorn = state.map { $0.walBytes > 0 } ?? false
            switch base {
            case .empty: break
            case .restored: (captured, walDigest) = (state, state?.walDigest)
            case .continued(let mark): (captured, walDigest) = try reader?.proven(mark, state) ?? (nil, nil)
            }
        } catch { throw SQLError(code: "DUCKDB_IO", message: error.description).hidingDirectory(files.directory) }
        // A killed process leaves its temporary files; DuckDB would neither use nor count them.
        try? FileManager.default.removeItem(atPath: files.temporary)
        quota = DuckDBQuota(path: path, maximumBytes: options.maximumBytes, disk: disk)
        let (database, primary) = try Self.open(path, quota, library, options, health, catalogue, deadlines)
        // Of a file that is new only now: opening one descriptor more does no harm, closing one would.
        do throws(FileFailure) {
            if let reader { self.reader = reader } else { self.reader = try DuckDBReader(files) }
        } catch {
            primary.close()
            var database: duckdb_database? = database
            library.api.close(&database)
            throw SQLError(code: "DUCKDB_IO", message: error.description).hidingDirectory(files.directory)
        }
        self.primary = primary
        connections = [primary]
        idle = []
        handle = database
        opened = OpenDuckDB(database)
        madeReaders = Self.makeReaders(files, opened, library, options, health, catalogue, deadlines, marks)
        self.captured = captured
        quota.database = self
    }

    private static func open(
        _ path: String, _ quota: DuckDBQuota, _ library: DuckDBLibrary, _ options: DuckDBOptions, _ health: DuckDBHealth,
        _ catalogue: DuckDBCatalogue, _ deadlines: DeadlineWatch
    ) throws(SQLError) -> (duckdb_database, DuckDBConnection) {
        let configuration = DuckDBConfiguration(options: options)
        let database = try configuration.open(path, library: library)
        do throws(SQLError) {
            let primary = try DuckDBConnection(
                to: database, quota: quota, library: library, options: options, health: health, catalogue: catalogue, deadlines: deadlines)
            try configuration.lock(primary)
            return (database, primary)
        } catch {
            var opened: duckdb_database? = database
            library.api.close(&opened)
            throw error
        }
    }

    /// Opens the files anew after a fatal error. Connections that are in use are closed; the next capture compares every block and has the
    /// whole WAL.
    func reopen() throws(SQLError) {
        close()
        invariant(handle == nil && connections.isEmpty && idle.isEmpty, "files are opened anew that are open")
        walMayBeTorn = true
        let (database, primary) = try Self.open(path, quota, library, options, health, catalogue, deadlines)
        health.isInvalid = false
        handle = database
        self.primary = primary
        connections = [primary]
        opened.set(database)
        marks.reopened()
        madeReaders.open()
    }

    deinit { close() }

    /// `nil` for a file that does not exist yet.
    private static func reader(_ files: DuckDBFiles) throws(CaptureError) -> DuckDBReader? {
        do throws(FileFailure) {
            return try FileSystem.size(files.main) == nil ? nil : DuckDBReader(files)
        } catch { throw .file(error) }
    }

    // MARK: Connections

    public func takeConnection() throws(SQLError) -> any EngineConnection {
        if health.isInvalid { try reopen() }
        if let connection = idle.popLast() { return connection }
        return try makeConnection()
    }

    public func giveBack(_ connection: any EngineConnection) {
        guard let connection = connection as? DuckDBConnection, connection !== primary, connection.isOpen else { return }
        connection.endOpenWork()
        let isClean = (try? connection.rollback()) != nil && !connection.isMarked
        invariant(!idle.contains { $0 === connection }, "a connection is given back twice")
        invariant(!isClean || connection.isIdle, "a connection is given back with work under way")
        if isClean && idle.count < Self.keptConnections { idle.append(connection) } else { close(connection) }
    }

    /// A further connection.
    public func makeConnection() throws(SQLError) -> DuckDBConnection {
        guard let handle else { throw DuckDBErrorCode.closed }
        let connection = try DuckDBConnection(
            to: handle, quota: quota, library: library, options: options, health: health, catalogue: catalogue, deadlines: deadlines)
        connections.append(connection)
        return connection
    }

    /// Nothing is under way, neither on one of these nor beside them, so that the files can be checkpointed.
    func checkpointIfIdle() throws(SQLError) -> Bool {
        try madeReaders.paused { isAtRest throws(SQLError) in
            guard isAtRest, connections.allSatisfy(\.isIdle) else { return false }
            if (try? walBytes()) != 0 { try primary.runTrusted("CHECKPOINT") }
            return true
        }
    }

    /// Connections share the files.
    public var descriptors: Int { DuckDBEngine.descriptorsOfDatabase }
    public var descriptorsOfNextConnection: Int { 0 }

    func observer() throws(SQLError) -> DuckDBConnection {
        if let knownObserver { return knownObserver }
        let observer = try makeConnection()
        knownObserver = observer
        return observer
    }

    private func close(_ connection: DuckDBConnection) {
        connection.close()
        connections.removeAll { $0 === connection }
        idle.removeAll { $0 === connection }
    }

    /// Closes all connections, rolling back what is open, and then the files, without a checkpoint. Twice does nothing.
    public func close() {
        madeReaders.shut()
        opened.set(nil)
        for connection in connections { connection.close() }
        connections = []
        idle = []
        knownObserver = nil
        // Before the reader's descriptor goes, which is when this object does.
        library.api.close(&handle)
        handle = nil
    }
}
