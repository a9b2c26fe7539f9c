public import Changesets
public import FleetModel

/// SQLite, as the system's library.
public struct SQLiteEngine: Engine {
    public var options: SQLiteOptions
    public let kind = EngineKind.sqlite
    public let profile = HADBP.Profile.sqlite

    public init(options: SQLiteOptions = SQLiteOptions()) { self.options = options }

    public func open(_ path: String, base: CaptureBase) throws(SQLError) -> any EngineDatabase {
        try SQLiteDatabase(path: path, base: base, options: options)
    }

    public func transactionRole(of sql: String) -> TransactionRole {
        var sql = sql
        return sql.withUTF8 { StatementKind(firstWordOf: $0, from: SQLTrivia.end(in: $0, from: 0)) }.transactionRole
    }

    public func build(at path: String) throws(BerthError) -> any EngineFileBuilder { try SQLiteFileWriter(target: path) }

    public func apply(_ sets: [PageSet], to path: String) throws(BerthError) { try SQLiteFile.applyInPlace(sets, to: path) }

    public func rehearse(_ path: String) throws(SQLError) { try SQLiteFile.readSchema(path) }

    public func verify(_ path: String) throws(SQLError) { try SQLiteFile.quickCheck(path) }
}
