import Changesets
import Engines
import FleetModel
import Synchronization

/// SQLite whose COMMITs fail as often as a test tells.
struct UncommittingEngine: Engine {
    enum Manner: Sendable {
        /// The transaction is still open, as after a refused COMMIT.
        case leavesOpen
        /// The transaction is gone, as after an I/O error.
        case rollsBack
        /// It is not COMMIT that fails: once it has failed, the open database gives no connection any more, as after a fatal error
        /// whose files do not open again. Only opened anew it does, so it does not matter which of its callers is the first.
        case isBroken
        /// No COMMIT fails: an INSERT commits what it is part of, which no text of SQL does.
        case commitsInside
    }

    /// How many COMMITs are still to fail.
    final class Failures: Sendable {
        private let count = Mutex(0)
        var left: Int { count.withLock { $0 } }
        func add(_ failures: Int) { count.withLock { $0 += failures } }
        func take() -> Bool {
            count.withLock { count in
                defer { count = max(0, count - 1) }
                return count > 0
            }
        }
    }

    let manner: Manner
    let failures = Failures()
    private var base: any Engine = SQLiteEngine()

    init(_ manner: Manner) { self.manner = manner }

    func timed(by clock: any FleetClock) -> any Engine {
        var engine = self
        engine.base = base.timed(by: clock)
        return engine
    }

    var kind: EngineKind { base.kind }
    var profile: HADBP.Profile { base.profile }

    func open(_ path: String, base known: CaptureBase, settings: DatabaseSettings) throws(SQLError) -> any EngineDatabase {
        Database(base: try base.open(path, base: known, settings: settings), manner: manner, failures: failures)
    }

    func build(at path: String) throws(BerthError) -> any EngineFileBuilder { try base.build(at: path) }
    func apply(_ sets: [PageSet], to path: String) throws(BerthError) { try base.apply(sets, to: path) }
    func verify(_ path: String) throws(SQLError) { try base.verify(path) }
    func transactionRole(of sql: String) -> TransactionRole { base.transactionRole(of: sql) }

    private final class Database: EngineDatabase {
        private let base: any EngineDatabase
        private let manner: Manner
        private let failures: Failures
        private let isBroken = Mutex(false)

        init(base: any EngineDatabase, manner: Manner, failures: Failures) {
            self.base = base
            self.manner = manner
            self.failures = failures
        }

        func takeConnection() throws(SQLError) -> any EngineConnection {
            let isBroken = isBroken.withLock { isBroken in
                if manner == .isBroken, failures.take() { isBroken = true }
                return isBroken
            }
            if isBroken { throw SQLError(code: "SQLITE_CORRUPT", message: "as the test wants it") }
            return Connection(base: try base.takeConnection(), manner: manner, failures: failures)
        }

        func giveBack(_ connection: any EngineConnection) {
            if let connection = connection as? Connection { base.giveBack(connection.base) }
        }

        var commitMark: UInt64 { base.commitMark }
        func capture(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges? { try base.capture(spool: spool) }
        func captureAll(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges { try base.captureAll(spool: spool) }
        var nextCaptureIsFull: Bool { base.nextCaptureIsFull }
        var captureMark: CaptureMark? { base.captureMark }
        func walBytes() throws(CaptureError) -> Int { try base.walBytes() }
        func checkpoint(above bytes: Int) throws(CaptureError) { try base.checkpoint(above: bytes) }
        func closeClean() throws(CaptureError) { try base.closeClean() }
        func close() { base.close() }
    }

    private final class Connection: EngineConnection {
        let base: any EngineConnection
        private let manner: Manner
        private let failures: Failures

        init(base: any EngineConnection, manner: Manner, failures: Failures) {
            self.base = base
            self.manner = manner
            self.failures = failures
        }

        var clock: any FleetClock { base.clock }
        var hasSessionState: Bool { base.hasSessionState }
        var isAutocommit: Bool { base.isAutocommit }
        var holdsWriteLock: Bool { base.holdsWriteLock }
        var counters: SessionCounters {
            get { base.counters }
            set { base.counters = newValue }
        }

        func execute(_ statement: SQLStatement, limits: StatementLimits) throws(SQLError) -> SQLResult {
            if manner == .commitsInside {
                let result = try base.execute(statement, limits: limits)
                if statement.sql.hasPrefix("INSERT"), failures.take() { _ = try base.execute(SQLStatement("COMMIT"), limits: .unlimited) }
                return result
            }
            if manner != .isBroken, statement.sql == "COMMIT", failures.take() {
                if manner == .rollsBack { _ = try base.execute(SQLStatement("ROLLBACK"), limits: .unlimited) }
                throw SQLError(code: "SQLITE_IOERR", message: "as the test wants it")
            }
            return try base.execute(statement, limits: limits)
        }

        func cursor(
            _ statement: SQLStatement, readOnly: Bool, deadline: BootInstant?
        ) throws(SQLError) -> any EngineCursor { try base.cursor(statement, readOnly: readOnly, deadline: deadline) }

        func load(into table: String, columns: [String]?) throws(SQLError) -> any EngineLoader {
            try base.load(into: table, columns: columns)
        }

        func executeScript(
            _ sql: String, from start: ScriptPosition, mayWrite: Bool, limits: StatementLimits
        ) throws(SQLError) -> ScriptPosition? { try base.executeScript(sql, from: start, mayWrite: mayWrite, limits: limits) }
        func describe(_ sql: String) throws(SQLError) -> SQLDescription { try base.describe(sql) }
        func needsWriteTurn(_ sql: String) throws(SQLError) -> Bool { try base.needsWriteTurn(sql) }
    }
}
