import FleetModel
import FleetStore
import Leases
import Logging
import Migrations
import ServiceLifecycle

/// A process's connections to Postgres: few and fixed, whatever the number of databases.
struct StoreConnections: Sendable {
    let leases: PostgresLeaseStore
    let catalogue: FleetCatalogue
    let hints: HintSource
    /// Where this process's session is renewed: nothing else runs there.
    let renewalThread = RenewalThread()
    private let renewals: PostgresConnection
    private let work: PostgresConnection
    private let pool: PostgresPool
    private let listener: PostgresListener

    init(url: PostgresURL, role: String, timing: LeaseTiming, poolSize: Int, logger: Logger) {
        // A renewal without an answer after a third of the TTL is tried again on a new connection.
        renewals = PostgresConnection(
            url: url, applicationName: "\(role) renewals", timeout: timing.renewalInterval, executor: renewalThread, logger: logger)
        work = PostgresConnection(url: url, applicationName: "\(role) leases", timeout: .seconds(10), logger: logger)
        pool = PostgresPool(url: url, size: poolSize, applicationName: "\(role) catalogue", timeout: .seconds(10), logger: logger)
        listener = PostgresListener(url: url, channels: [StoreHint.channel], applicationName: "\(role) hints", logger: logger)
        leases = PostgresLeaseStore(renewals: renewals, work: work)
        catalogue = FleetCatalogue(pool: pool)
        hints = HintSource(listener: listener)
    }

    /// Refuses to work on a schema that this program does not know.
    ///
    /// - Throws: `schema_mismatch`, `store_unavailable`.
    func checkSchema() async throws(BerthError) {
        try await MigrationRunner(Migration.all).check(work)
    }

    func close() async {
        await listener.close()
        await renewals.close()
        await work.close()
        await pool.close()
    }
}

extension Migration {
    /// This program's schema.
    static var all: [Migration] {
        Migrations.all.map { Migration(number: $0.number, name: $0.name, sql: $0.sql) }
    }
}

/// Runs `body` from start to shutdown as part of a service group.
struct ServiceBody: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await body() }
    }
}

/// Closes the connections after everything that uses them has stopped: the first of a group is the last to end.
struct ConnectionsService: Service {
    let connections: StoreConnections

    func run() async throws {
        try await gracefulShutdown()
        await connections.close()
    }
}
