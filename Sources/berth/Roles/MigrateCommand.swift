import ArgumentParser
import FleetModel
import FleetStore
import Logging
import Telemetry

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the schema in Postgres up to this program.",
        discussion: "Safe to repeat and to run from several machines at once. Run it before newer servers start.")

    @OptionGroup var options: RoleOptions

    func run() async throws {
        let settings = try await RoleSettings(options)
        let logger = try settings.logOutput().logger(label: "migrate")
        let connection = PostgresConnection(
            url: try PostgresURL(try settings.required("postgres")), applicationName: "berth migrate", logger: logger)
        let applied = try await MigrationRunner(Migration.all).migrate(connection)
        await connection.close()
        for migration in applied { print("applied \(migration.number) \(migration.name)") }
        if applied.isEmpty { print("The schema is up to date.") }
    }
}
