import ArgumentParser
import FleetModel
import FleetStore
import Gateway
import Leases
import Logging
import Routing

struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Run a gateway on its own: it passes every request to the leader of its database.",
        discussion: "Every node contains one already. A gateway on its own needs Postgres and nothing else.")

    @OptionGroup var options: RoleOptions
    @Flag(help: .hidden) var lifeline = false

    func run() async throws {
        let settings = try await RoleSettings(options)
        let observability = try Observability(settings, label: "gateway")
        let logger = observability.logger
        let listen = try settings.listenAddress(default: "127.0.0.1:8080")
        let fleet = try await FleetMembership.read(
            settings, role: "berth gateway", program: .ofThisProcess, comparison: .refusesOthers, logger: logger)
        let connections = StoreConnections(
            url: try PostgresURL(try settings.required("postgres")), role: "berth gateway", timing: fleet.timing,
            poolSize: try settings.int("postgres-connections", in: 1...64, default: 3),
            logger: logger)
        let routes = RouteTable(source: connections.catalogue, clock: BootClock())
        let gateway = Gateway(
            configuration: GatewayConfiguration(host: listen.host, port: listen.port, limits: try settings.gateway()), routes: routes,
            tokens: connections.catalogue,
            endpoints: NodeEndpoints.health(registry: observability.registry) { () throws(BerthError) in }, clock: BootClock(),
            logger: logger)
        observability.observe { gateway.gauges() }
        let port = try await gateway.start()
        logger.notice("gateway", metadata: ["address": "\(listen.host):\(port)"])
        try await RoleRunner.run(
            [
                ConnectionsService(connections: connections), ServiceBody { await connections.hints.run() },
                ServiceBody { await routes.run(hints: connections.hints.hints()) }, gateway,
            ], logger: logger, lifeline: lifeline)
    }
}
