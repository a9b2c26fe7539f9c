public import Changesets
public import FleetModel

/// An open database: its connections, and the capture of what they commit.
///
/// Not thread-safe, on purpose: it belongs to the actor whose lane it lives on. While it is open no one else may open its
/// files, neither the engine nor a plain descriptor: capture relies on seeing every commit, and closing a foreign descriptor
/// would drop the engine's locks.
public protocol EngineDatabase: AnyObject {
    // MARK: Connections

    /// A connection for a request or a transaction: an idle one, else a new one. It belongs to the caller until it is
    /// given back.
    func takeConnection() throws(SQLError) -> any EngineConnection

    /// Closes its cursor, abandons its loader, rolls back what is open, undoes what the client set, and keeps the connection for the next.
    func giveBack(_ connection: any EngineConnection)

    /// Descriptors of the process that it takes, at most, with those of its connections and of a capture.
    var descriptors: Int { get }

    /// What ``takeConnection()`` would add to ``descriptors`` now.
    var descriptorsOfNextConnection: Int { get }

    /// Connections that read while the database is used; `nil` of an engine that has none. What they take is not in ``descriptors``.
    var readers: EngineReaders? { get }

    // MARK: Capture

    /// What was committed since the last capture, by any connection; `nil` when that is nothing.
    ///
    /// Advances: the caller keeps what it gets until it is shipped. On an error nothing is advanced.
    ///
    /// - Parameter spool: when the pages lie in a file; `nil` for never.
    func capture(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges?

    /// Everything, whatever was captured before; later captures continue from it.
    ///
    /// - Parameter spool: as in ``capture(spool:)``.
    func captureAll(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges

    /// Differs after a statement from what it was before when the statement has committed something, whatever
    /// ``EngineConnection/needsWriteTurn(_:)`` said of it. Costs next to nothing. A checkpoint may change it as well.
    var commitMark: UInt64 { get }

    /// Whether the next capture is going to contain everything.
    var nextCaptureIsFull: Bool { get }

    /// What is captured, for whoever opens the files after this process died; `nil` when nothing is known to be.
    ///
    /// A checkpoint makes every earlier mark worthless: nobody may find one that was taken before a later capture and a checkpoint.
    var captureMark: CaptureMark? { get }

    /// Opened as ``CaptureBase/continued(_:)``, the files are what was captured up to the mark, plus commits. The next capture may contain
    /// everything all the same.
    var isProven: Bool { get }

    /// What `mark`, taken before the last checkpoint, is after it; `nil` when nobody could go on from there. Right after the checkpoint only.
    func markAfterCheckpoint(_ mark: CaptureMark) -> CaptureMark?

    /// Bytes of the log of recent commits.
    func walBytes() throws(CaptureError) -> Int

    /// Moves the log of recent commits into the main file when it has grown beyond `bytes`, everything in it is captured
    /// and no transaction or cursor is in the way; then it can be tried again later.
    func checkpoint(above bytes: Int) throws(CaptureError)

    // MARK: The log

    /// What would be captured now has a log that an opening has to replay. `false` of an engine that captures nothing but pages.
    var hasLogToReplay: Bool { get }

    /// The files hold what was captured last, byte for byte, so that they may be closed clean. `false` after a checkpoint that moved what is captured:
    /// what was captured still has a log then.
    var isAsCaptured: Bool { get }

    /// The log may hold changes of the schema. Engines cannot always replay those, so they do not stay in what is captured.
    var owesCheckpoint: Bool { get }

    /// Moves the log into the main file, whether it is captured or not: the next capture has what this changes.
    ///
    /// Does nothing while a transaction or a cursor is open, so that ``owesCheckpoint`` stays as it is: try again later.
    func foldLog() throws(CaptureError)

    // MARK: The end

    /// Closes so that the files hold exactly what was captured, and may be opened again as ``CaptureBase/restored``.
    ///
    /// Rolls back what is open. When it throws, the database is still open.
    ///
    /// - Throws: ``CaptureError/uncaptured(path:)`` when there are commits to capture first.
    func closeClean() throws(CaptureError)

    /// Closes all connections, rolling back what is open. Twice does nothing.
    func close()
}

/// For an engine with a main file, a log and two more at a time, which its connections share.
extension EngineDatabase {
    public var descriptors: Int { 4 }
    public var descriptorsOfNextConnection: Int { 0 }
}

/// Into memory.
extension EngineDatabase {
    public func capture() throws(CaptureError) -> CapturedChanges? { try capture(spool: nil) }
    public func captureAll() throws(CaptureError) -> CapturedChanges { try captureAll(spool: nil) }
}

extension EngineDatabase {
    public var readers: EngineReaders? { nil }
}

/// For an engine that captures pages alone: restoring them replays nothing.
extension EngineDatabase {
    public var hasLogToReplay: Bool { false }
    public var isAsCaptured: Bool { true }
    public var isProven: Bool { !nextCaptureIsFull }
    public func markAfterCheckpoint(_ mark: CaptureMark) -> CaptureMark? { nil }
    public var owesCheckpoint: Bool { false }
    public func foldLog() throws(CaptureError) {}
}

/// One connection to a database. Between calls it holds no lock except that of an open transaction.
public protocol EngineConnection: AnyObject {
    /// Whether no transaction is open.
    ///
    /// Some errors roll a whole transaction back. Ask this after an error inside a transaction.
    var isAutocommit: Bool { get }

    /// A client left something on it that outlasts a transaction (a setting, a temporary table): its next statement has to find
    /// it, and nobody else may. ``EngineDatabase/giveBack(_:)`` undoes it.
    var hasSessionState: Bool { get }

    /// An open transaction keeps others from writing. One that only read, or was refused its first write, keeps nobody.
    var holdsWriteLock: Bool { get }

    /// Stops what the connection is running, from any thread: that fails with `SQLITE_INTERRUPT` or the engine's own code. Does nothing when nothing
    /// is running, and may be forgotten when something is about to.
    var interruptHandle: @Sendable () -> Void { get }

    /// By which its statements are stopped.
    var clock: any FleetClock { get }

    /// What its client is told of its own changes. Set when a client gets the connection, read when it gives it back.
    var counters: SessionCounters { get set }

    /// Runs one statement to its end.
    ///
    /// - Throws: `SQLError`: `SQL_NO_STATEMENT`, `SQL_MANY_STATEMENTS`, `SQL_PARSE_ERROR`, `ARGS_INVALID`,
    ///   `RESPONSE_TOO_LARGE`, `BLOCKED`, or the engine's own codes.
    func execute(_ statement: SQLStatement, limits: StatementLimits) throws(SQLError) -> SQLResult

    /// Runs a statement once for each of its lists of arguments, and adds a result for each to `results`.
    ///
    /// The first error ends it: what was done before stays done, and not all of it need be in `results`.
    ///
    /// - Parameters:
    ///   - timeout: of each run; `limits.deadline` does not matter.
    ///   - limits: of each run; `maximumResponseBytes` of all together.
    /// - Throws: as ``execute(_:limits:)``.
    func execute(
        _ statement: RepeatedStatement, timeout: Duration, limits: StatementLimits, into results: inout [SQLResult]
    ) throws(SQLError)

    /// Runs one statement whose rows are taken bit by bit. Closes a cursor that is open.
    ///
    /// A write is carried out here, and committed outside a transaction, before any of its rows can be asked for.
    ///
    /// - Parameter readOnly: as ``StatementLimits/isReadOnly``.
    /// - Throws: as ``execute(_:limits:)``, except `RESPONSE_TOO_LARGE`.
    func cursor(_ statement: SQLStatement, readOnly: Bool, deadline: BootInstant?) throws(SQLError) -> any EngineCursor

    /// Begins to load rows into `table`.
    ///
    /// - Parameters:
    ///   - table: its name, with the schema before a dot where the engine has schemas; not SQL.
    ///   - columns: those the rows have, the others get their defaults; `nil` for all, in the table's order.
    /// - Throws: `LOAD_TARGET_UNKNOWN` when there is no such table, or it is a view, or has no such column; the engine's codes.
    func load(into table: String, columns: [String]?) throws(SQLError) -> any EngineLoader

    /// Runs the statements of `sql` one after the other, from `start` on; their rows are dropped.
    ///
    /// Stops at the first error. What was done before stays done, and a transaction that the script opened stays open.
    ///
    /// - Parameter mayWrite: whether it has the turn to write; without, it stops before the first statement that needs it.
    /// - Returns: where it stopped; `nil` at the end.
    func executeScript(
        _ sql: String, from start: ScriptPosition, mayWrite: Bool, limits: StatementLimits
    ) throws(SQLError) -> ScriptPosition?

    /// What a statement would need and answer, found out without running it.
    func describe(_ sql: String) throws(SQLError) -> SQLDescription

    /// Whether the statement may change the database, so that it needs the turn to write, of which a database has one.
    ///
    /// COMMIT and ROLLBACK need none of their own: the transaction has it since its first write.
    func needsWriteTurn(_ sql: String) throws(SQLError) -> Bool
}

/// How far a script has been run.
public struct ScriptPosition: Sendable, Hashable {
    public static let start = ScriptPosition(offset: 0)

    /// Only the engine knows of what.
    let offset: Int
}

extension EngineConnection {
    /// For an engine that does not know better: any transaction may have written.
    public var holdsWriteLock: Bool { !isAutocommit }

    /// For an engine that cannot be interrupted.
    public var interruptHandle: @Sendable () -> Void { {} }

    /// For an engine whose SQL does not tell of them.
    public var counters: SessionCounters {
        get { SessionCounters() }
        set {}
    }

    /// Runs the whole of a script.
    public func executeScript(_ sql: String, limits: StatementLimits = .unlimited) throws(SQLError) {
        let rest = try executeScript(sql, from: .start, mayWrite: true, limits: limits)
        invariant(rest == nil, "a script that may write stops at its end only")
    }

    /// For an engine that gains nothing by knowing that a statement comes again.
    public func execute(
        _ statement: RepeatedStatement, timeout: Duration, limits: StatementLimits, into results: inout [SQLResult]
    ) throws(SQLError) {
        try executeEach(statement, timeout: timeout, limits: limits, into: &results)
    }

    /// Runs them one by one.
    func executeEach(
        _ statement: RepeatedStatement, timeout: Duration, limits: StatementLimits, into results: inout [SQLResult]
    ) throws(SQLError) {
        var limits = limits
        for arguments in statement.arguments {
            limits.deadline = clock.instant() + timeout
            let result = try execute(
                SQLStatement(statement.sql, arguments: arguments, wantsRows: statement.wantsRows), limits: limits)
            limits.maximumResponseBytes = limits.maximumResponseBytes.map { $0 - result.rowBlock.byteCount }
            results.append(result)
        }
    }
}
