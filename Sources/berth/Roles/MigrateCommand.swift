import ArgumentParser
import FleetModel
import FleetStore
import Glibc
import Leases
import Logging
import ObjectStores
import Replication
import Telemetry

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the schema in Postgres up to this program.",
        discussion: """
            Safe to repeat and to run from several machines at once. Run it before newer servers start.

            After Postgres was restored from a backup or a standby was promoted, nothing is served until --adopt-store has \
            checked every lease against the bucket. Before you run it, make sure that the former Postgres is not reachable \
            by any node.
            """)

    @OptionGroup var options: RoleOptions
    @Option(help: "Also make an admin token of this name and print its secret: the first one of a fleet.")
    var createAdminToken: String?
    @Flag(help: "Accept this Postgres as the fleet's, after a restore or a promotion. Needs --bucket.") var adoptStore = false

    func run() async throws {
        let settings = try await RoleSettings(options)
        let logger = try settings.logOutput().logger(label: "migrate")
        let connection = PostgresConnection(
            url: try PostgresURL(try settings.required("postgres")), applicationName: "berth migrate", logger: logger)
        let applied = try await MigrationRunner(Migration.all).migrate(connection)
        await connection.close()
        defer { Self.flushOutput() }
        for migration in applied { print("applied \(migration.number) \(migration.name)") }
        if applied.isEmpty { print("The schema is up to date.") }
        try await setFirstTTL(settings, logger: logger)
        if let createAdminToken { try await createToken(named: createAdminToken, settings, logger: logger) }
        if adoptStore { try await adopt(settings, logger: logger) }
    }

    private func createToken(named name: String, _ settings: RoleSettings, logger: Logger) async throws {
        let pool = PostgresPool(
            url: try PostgresURL(try settings.required("postgres")), size: 1, applicationName: "berth migrate", logger: logger)
        let secret = TokenSecret.generate()
        _ = try await FleetCatalogue(pool: pool).createToken(secret, name: name, scope: .admin)
        await pool.close()
        print(secret.text)
    }

    /// The TTL of a fleet that nobody has joined yet can be given here; later it is changed by `berth fleet set`.
    private func setFirstTTL(_ settings: RoleSettings, logger: Logger) async throws {
        guard let ttl = try settings.ownLeaseTTL() else { return }
        let pool = PostgresPool(
            url: try PostgresURL(try settings.required("postgres")), size: 1, applicationName: "berth migrate", logger: logger)
        let catalogue = FleetCatalogue(pool: pool)
        do {
            if try await !catalogue.setFirstLeaseTTL(ttl) {
                try FleetMembership.compare(settings, with: try await catalogue.fleetSettings())
            }
            await pool.close()
        } catch {
            await pool.close()
            throw error
        }
    }

    private func adopt(_ settings: RoleSettings, logger: Logger) async throws {
        let pool = PostgresPool(
            url: try PostgresURL(try settings.required("postgres")), size: 1, applicationName: "berth migrate",
            timeout: .seconds(60), logger: logger)
        let catalogue = FleetCatalogue(pool: pool)
        let (fleet, server) = try await catalogue.generations()
        guard fleet != server else {
            print("The fleet runs on this Postgres already (\(server)).")
            return await pool.close()
        }
        print("The fleet ran on \(fleet); this is \(server). Waiting one lease TTL for gates to close …")
        // A node that renewed just before the change may acknowledge until its deadline; only then are epochs raised.
        try await BootClock().sleep(for: try await catalogue.longestLeaseTTL())
        let objects = try Bucket.open(settings, logger: logger)
        let report = try await StoreAdoption(catalogue: catalogue, objects: objects).run()
        try await objects.shutdown()
        await pool.close()
        guard let report else { return }
        print("Adopted \(report.server) after reading \(report.bundles) bundles.")
        print("\(report.extended.count) databases had changesets this Postgres had forgotten: \(report.extended.values.reduce(0, +)) in all.")
        if !report.unknown.isEmpty {
            print("\(report.unknown.count) databases have data in the bucket and are not in this catalogue:")
            for id in report.unknown.sorted() { print("  \(id)") }
        }
    }

    /// Output to a pipe is buffered; a process that ends by `exit` must not keep it.
    private static func flushOutput() { fflush(nil) }
}
