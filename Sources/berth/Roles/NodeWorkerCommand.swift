import ArgumentParser
import Engines
import FleetModel
import FleetStore
import Foundation
import Gateway
import Leases
import Logging
import ObjectStores
import Routing
import ServiceLifecycle
import WorkerNode

/// The process in which databases live. Started by its supervisor, `berth node run`, which holds the data directory's lock.
struct NodeWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

    @OptionGroup var options: RoleOptions
    @Option(help: .hidden) var session: String
    @Flag(help: .hidden) var force = false

    func run() async throws {
        let settings = try await RoleSettings(options)
        let observability = try Observability(settings, label: "node")
        var logger = observability.logger
        let name = try NodeName(try settings.required("name"))
        logger[metadataKey: "node"] = "\(name)"
        guard let session = SessionID(session) else {
            throw BerthError(.configurationInvalid, "“\(session)” is no session. Start a node with `berth node run`.")
        }
        let listen = try settings.listenAddress(default: "127.0.0.1:8080")
        let fleet = try await FleetMembership.read(
            settings, role: "berth \(name)", program: .ofThisProcess, comparison: .takesFleets, logger: logger)
        let connections = StoreConnections(
            url: try PostgresURL(try settings.required("postgres")), role: "berth \(name)", timing: fleet.timing,
            poolSize: try settings.int("postgres-connections", in: 1...64, default: 3), logger: logger)
        let objects = try Bucket.open(settings, logger: logger)
        let hints = { @Sendable [hints = connections.hints] in hints.hints() }

        let box = LateNode()
        let limits = try settings.gateway(otherDescriptors: try settings.databaseDescriptors(of: DescriptorLimit.current))
        let routes = RouteTable(source: connections.catalogue, clock: BootClock())
        let gateway = Gateway(
            configuration: GatewayConfiguration(host: listen.host, port: listen.port, node: name, limits: limits), local: box,
            routes: routes, tokens: connections.catalogue,
            endpoints: NodeEndpoints.all(registry: observability.registry, node: box), clock: BootClock(), logger: logger)
        let port = try await gateway.start()
        let engines = try settings.engines()
        var worker = try settings.worker()
        worker.stopsByForce = force
        let faults = SQLiteFaults.ofThisVersion
        if !faults.isEmpty {
            logger.warning(
                "this SQLite has known faults: install a newer libsqlite3",
                metadata: ["version": "\(SQLiteFaults.version)", "faults": "\(faults.joined(separator: "; "))"])
        }
        let node = WorkerNode(
            session: NewSession(
                id: session, node: name, role: .node,
                address: try listen.advertised(settings.string("advertise"), port: port), engines: engines.kinds,
                timing: fleet.timing, program: .ofThisProcess),
            leases: connections.leases, catalogue: connections.catalogue, segments: connections.catalogue,
            objects: objects, engines: engines, directory: try settings.required("data"), settings: worker,
            hints: hints, machine: .real(renewalThread: connections.renewalThread), logger: logger)
        box.set(node)
        observability.observe { node.gauges() + gateway.gauges() + fleet.gauges }
        try await RoleRunner.run(
            [
                ConnectionsService(connections: connections), ServiceBody { await connections.hints.run() },
                ServiceBody { await routes.run(hints: hints()) }, node, gateway,
            ], logger: logger, lifeline: true
        ) { try? await objects.shutdown() }
    }
}
