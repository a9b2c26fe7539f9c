import AdminAPI
import ArgumentParser
import AsyncHTTPClient
import FleetManager
import FleetModel
import FleetStore
import Leases
import Logging
import ObjectStores
import ServiceLifecycle
import Telemetry

struct ManagerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manager", abstract: "Run a fleet manager: the admin API, placement, failover, operations.",
        discussion: "Run several for availability: all serve the API, one leads.")

    @OptionGroup var options: RoleOptions
    @Flag(help: .hidden) var lifeline = false

    func run() async throws {
        let settings = try await RoleSettings(options)
        let observability = try Observability(settings, label: "manager")
        let logger = observability.logger
        let name = try NodeName(settings.string("name", default: "manager"))
        let listen = try settings.listenAddress(default: "127.0.0.1:7070")
        _ = try listen.advertised(settings.string("advertise"), port: listen.port)
        let fleet = try await FleetMembership.read(
            settings, role: "berth \(name)", program: .ofThisProcess, comparison: .refusesOthers, logger: logger)
        let postgres = try PostgresURL(try settings.required("postgres"))
        try await Bucket.verify(settings)
        try await Bucket.check(settings, postgres: postgres, role: "berth \(name)", logger: logger)
        let connections = StoreConnections(
            url: postgres, role: "berth \(name)", timing: fleet.timing,
            poolSize: try settings.int("postgres-connections", in: 1...64, default: 8), logger: logger)
        let objects = try Bucket.open(settings, logger: logger)
        let manager = RestartingManager(
            name: name, connections: connections, objects: objects, timing: fleet.timing,
            settings: try settings.manager(fleet.timing), logger: logger)
        observability.observe { manager.gauges() + fleet.gauges }

        let lags = ShipLagReader(logger: logger)
        let api = AdminAPI(
            fleet: AdminAPI.FleetAccess(
                catalogue: connections.catalogue, hints: connections.hints,
                choosePlacement: { engine throws(BerthError) in try await manager.chooseNode(for: engine) },
                shipLags: { await lags.read($0) },
                renderMetrics: { observability.registry.render() },
                checkReadiness: { () throws(BerthError) in try await connections.checkSchema() }),
            settings: try settings.adminAPI(listen), logger: logger,
            onServing: { port in
                do { manager.serve(at: try listen.advertised(settings.string("advertise"), port: port)) } catch {
                    logger.error("\(error)")
                }
                logger.notice("admin API", metadata: ["address": "\(listen.host):\(port)"])
            })
        observability.observe { api.gauges() }
        try await RoleRunner.run(
            [ConnectionsService(connections: connections), ServiceBody { await connections.hints.run() }, manager, api],
            logger: logger, lifeline: lifeline
        ) { try? await objects.shutdown() }
    }
}
