import Changesets
import Engines
import FleetModel

/// SQLite that opens no database with a table `poison`: what is published is whole, and its engine refuses it.
struct PickyEngine: Engine {
    private var base: any Engine = SQLiteEngine()

    func timed(by clock: any FleetClock) -> any Engine {
        var engine = self
        engine.base = base.timed(by: clock)
        return engine
    }

    var kind: EngineKind { base.kind }
    var profile: HADBP.Profile { base.profile }

    func open(_ path: String, base known: CaptureBase, settings: DatabaseSettings) throws(SQLError) -> any EngineDatabase {
        let database = try base.open(path, base: known, settings: settings)
        do throws(SQLError) { try refuse(database, path) } catch {
            database.close()
            throw error
        }
        return database
    }

    /// As an engine does, it names the file in full.
    private func refuse(_ database: any EngineDatabase, _ path: String) throws(SQLError) {
        let connection = try database.takeConnection()
        defer { database.giveBack(connection) }
        let found = try connection.execute(SQLStatement("SELECT count(*) FROM sqlite_schema WHERE name = 'poison'"), limits: .unlimited)
        if found.rows != [[.integer(0)]] { throw SQLError(code: "SQLITE_CORRUPT", message: "poison in \(path)") }
    }

    func rehearse(_ path: String) throws(SQLError) {
        try base.rehearse(path)
        try open(path, base: .restored).close()
    }

    func build(at path: String) throws(BerthError) -> any EngineFileBuilder { try base.build(at: path) }
    func apply(_ sets: [PageSet], to path: String) throws(BerthError) { try base.apply(sets, to: path) }
    func verify(_ path: String) throws(SQLError) { try rehearse(path) }
    func transactionRole(of sql: String) -> TransactionRole { base.transactionRole(of: sql) }
}
