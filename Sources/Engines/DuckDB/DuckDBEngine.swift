public import Changesets
public import FleetModel

/// DuckDB, from a library that is loaded at run time.
public struct DuckDBEngine: Engine {
    public var options: DuckDBOptions
    /// Whether its disk has room; `nil` when nobody looks.
    public var disk: DiskRoom?
    public let library: DuckDBLibrary
    public let kind = EngineKind.duckdb
    public let profile = HADBP.Profile.blocks
    /// The file twice, its WAL, that WAL once more while it is captured, and temporary files of two sizes.
    static let descriptorsOfDatabase = 6
    public var openingDescriptors: Int { Self.descriptorsOfDatabase }

    private var deadlines = DeadlineWatch.machine

    public init(library: DuckDBLibrary, options: DuckDBOptions = DuckDBOptions(), disk: DiskRoom? = nil) {
        self.library = library
        self.options = options
        self.disk = disk
    }

    public func fileBytes(_ path: String) -> Int {
        let files = DuckDBFiles(path)
        return FileSystem.bytes([files.main, files.wal])
    }

    public func timed(by clock: any FleetClock) -> any Engine {
        var engine = self
        engine.deadlines = DeadlineWatch(clock)
        return engine
    }

    /// DuckDB always enforces foreign keys.
    public func open(
        _ path: String, base: CaptureBase, settings: DatabaseSettings
    ) throws(SQLError) -> any EngineDatabase {
        try DuckDBDatabase(path: path, base: base, library: library, options: options, disk: disk, deadlines: deadlines)
    }

    public func looksLikeQuery(_ sql: String) -> Bool { DuckDBWords.isQuery(sql) && !DuckDBWords.mayWrite(sql) }

    public func build(at path: String) throws(BerthError) -> any EngineFileBuilder { try DuckDBFileBuilder(target: path) }

    public func apply(_ sets: [PageSet], to path: String) throws(BerthError) { try DuckDBFiles(path).apply(sets) }

    public func rehearse(_ path: String) throws(SQLError) {
        try DuckDBDatabase.rehearse(path, library: library, options: options)
    }

    public func verify(_ path: String) throws(SQLError) {
        try DuckDBDatabase.verify(path, library: library, options: options)
    }
}
