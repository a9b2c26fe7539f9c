import FleetModel
import FleetStore
import Leases
import Logging
import Migrations

/// A node's connections to Postgres, of the same kinds and number as in a real one, on a schema made here.
struct BenchConnections: Sendable {
    let leases: PostgresLeaseStore
    let catalogue: FleetCatalogue
    let hints: HintSource
    private let renewals: PostgresConnection
    private let work: PostgresConnection
    private let pool: PostgresPool
    private let listener: PostgresListener

    init(conninfo: String, timing: LeaseTiming, logger: Logger) async throws {
        let url = try PostgresURL(conninfo)
        renewals = PostgresConnection(
            url: url, applicationName: "berth-bench renewals", timeout: timing.renewalInterval, logger: logger)
        work = PostgresConnection(url: url, applicationName: "berth-bench leases", timeout: .seconds(10), logger: logger)
        pool = PostgresPool(url: url, size: 3, applicationName: "berth-bench catalogue", timeout: .seconds(10), logger: logger)
        listener = PostgresListener(
            url: url, channels: [StoreHint.channel], applicationName: "berth-bench hints", logger: logger)
        leases = PostgresLeaseStore(renewals: renewals, work: work)
        catalogue = FleetCatalogue(pool: pool)
        hints = HintSource(listener: listener)
        let migrations = Migrations.all.map { Migration(number: $0.number, name: $0.name, sql: $0.sql) }
        _ = try await MigrationRunner(migrations).migrate(work)
    }

    func close() async {
        await listener.close()
        await renewals.close()
        await work.close()
        await pool.close()
    }
}
