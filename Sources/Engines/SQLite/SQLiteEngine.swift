public import Changesets
public import FleetModel

/// SQLite, as the system's library.
public struct SQLiteEngine: Engine {
    public var options: SQLiteOptions
    /// Whether its disk has room; `nil` when nobody looks.
    public var disk: DiskRoom?
    public let kind = EngineKind.sqlite
    public let profile = HADBP.Profile.sqlite
    /// The file, its WAL, its `-shm` file, and the WAL once more while it is captured.
    static let descriptorsOfDatabase = 4
    public var openingDescriptors: Int { Self.descriptorsOfDatabase }

    private var clock: any FleetClock = BootClock()

    public init(options: SQLiteOptions = SQLiteOptions(), disk: DiskRoom? = nil) {
        self.options = options
        self.disk = disk
    }

    public func fileBytes(_ path: String) -> Int { FileSystem.bytes([path, path + "-wal"]) }

    public func timed(by clock: any FleetClock) -> any Engine {
        var engine = self
        engine.clock = clock
        return engine
    }

    public func open(
        _ path: String, base: CaptureBase, settings: DatabaseSettings
    ) throws(SQLError) -> any EngineDatabase {
        var options = options
        options.enforcesForeignKeys = settings.foreignKeys
        return try SQLiteDatabase(path: path, base: base, options: options, disk: disk, clock: clock)
    }

    public func transactionRole(of sql: String) -> TransactionRole {
        var sql = sql
        let role = sql.withUTF8 { StatementKind(firstWordOf: $0, from: SQLTrivia.end(in: $0, from: 0)) }.transactionRole
        // A transaction that others write in cannot take its place.
        return role == .begins && LibSQLBegin(sql)?.mode == .readOnly ? .unknown : role
    }

    public func looksLikeQuery(_ sql: String) -> Bool {
        var sql = sql
        switch sql.withUTF8({ StatementKind(firstWordOf: $0, from: SQLTrivia.end(in: $0, from: 0)) }) {
        case .query, .explain: return true
        case .with: return !SQLWords.contains(["INSERT", "REPLACE", "UPDATE", "DELETE"], in: sql)
        case .change, .begin, .commit, .rollback, .savepoint, .pragma, .vacuum, .other: return false
        }
    }

    public func build(at path: String) throws(BerthError) -> any EngineFileBuilder { try SQLiteFileWriter(target: path) }

    public func apply(_ sets: [PageSet], to path: String) throws(BerthError) { try SQLiteFile.applyInPlace(sets, to: path) }

    public func rehearse(_ path: String) throws(SQLError) { try SQLiteFile.readSchema(path) }

    public func verify(_ path: String) throws(SQLError) { try SQLiteFile.quickCheck(path) }
}
