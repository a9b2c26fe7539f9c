public import FleetStore
import Migrations

/// A database with the fleet's schema, of one test alone.
public struct FleetDatabase: Sendable {
    public let url: PostgresURL

    /// A new one in the Postgres all tests share, without nodes and databases.
    public static func make() async throws -> FleetDatabase {
        try await make(in: try await TestPostgres.shared().makeDatabase())
    }

    /// The fleet's schema in the empty database at `conninfo`.
    public static func make(in conninfo: String) async throws -> FleetDatabase {
        let database = FleetDatabase(url: try PostgresURL(conninfo))
        _ = try await MigrationRunner(
            Migrations.all.map { Migration(number: $0.number, name: $0.name, sql: $0.sql) }
        ).migrate(database.connection())
        return database
    }

    /// A new connection, made on first use and closed when it is let go.
    ///
    /// - Parameter timeout: long by default, because a test may hold the rows a statement waits for.
    public func connection(_ applicationName: String = "test", timeout: Duration = .seconds(60)) -> PostgresConnection {
        PostgresConnection(url: url, applicationName: applicationName, timeout: timeout, logger: .silent)
    }

    public func pool(size: Int) -> PostgresPool {
        PostgresPool(url: url, size: size, applicationName: "test", timeout: .seconds(60), logger: .silent)
    }

    public func catalogue(connections: Int = 2) -> FleetCatalogue { FleetCatalogue(pool: pool(size: connections)) }

    /// A client of the lease store, with one connection for everything.
    public func leaseStore(_ applicationName: String = "test") -> PostgresLeaseStore {
        let connection = connection(applicationName)
        return PostgresLeaseStore(renewals: connection, work: connection)
    }

    /// Pretends that another Postgres, restored or promoted since, answers for the fleet and its sessions.
    public func changeGeneration() async throws {
        try await connection().script("update fleet set timeline = timeline + 1; update sessions set timeline = timeline + 1")
    }
}
