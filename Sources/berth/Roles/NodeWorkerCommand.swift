import ArgumentParser
import EngineHost
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
import Synchronization
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
        var worker = try settings.worker()
        let engines = try settings.engines(disk: DiskRoom(of: try settings.required("data"), worker.tenants.disk))
        worker.stopsByForce = force
        let faults = SQLiteFaults.ofThisVersion
        if !faults.isEmpty {
            logger.warning(
                "this SQLite has known faults: install a newer libsqlite3",
                metadata: ["version": "\(SQLiteFaults.version)", "faults": "\(faults.joined(separator: "; "))"])
        }
        let hosts = LateHosts()
        let makeHost = try await processHosts(settings, worker, hosts, logger)
        let node = WorkerNode(
            session: NewSession(
                id: session, node: name, role: .node,
                address: try listen.advertised(settings.string("advertise"), port: port), engines: engines.kinds,
                timing: fleet.timing, program: .ofThisProcess),
            leases: connections.leases, catalogue: connections.catalogue, segments: connections.catalogue,
            objects: objects, engines: engines, host: makeHost, directory: try settings.required("data"), settings: worker,
            hints: hints, machine: .real(renewalThread: connections.renewalThread), logger: logger)
        box.set(node)
        observability.observe { node.gauges() + gateway.gauges() + fleet.gauges + hosts.gauges }
        try await RoleRunner.run(
            [
                ConnectionsService(connections: connections), ServiceBody { await connections.hints.run() },
                ServiceBody { await routes.run(hints: hints()) }, node, gateway,
                ServiceBody { await Self.giveBackMemory(of: node) },
            ], logger: logger, lifeline: true
        ) { try? await objects.shutdown() }
    }

    /// What was taken for databases that are closed by now.
    private static func giveBackMemory(of node: WorkerNode) async {
        let clock = BootClock()
        var memory = FreedMemory()
        while true {
            do { try await clock.sleep(for: .seconds(5)) } catch { return }
            guard memory.isWorthGivingBack(open: node.openDatabases, at: clock.now()) else { continue }
            await BlockingWork.threads.run { FreedMemory.giveBack() }
        }
    }

    /// What makes the node's engine hosts; `nil` when engines run in this process.
    private func processHosts(
        _ settings: RoleSettings, _ worker: WorkerSettings, _ late: LateHosts, _ logger: Logger
    ) async throws(BerthError) -> ((SessionGate) -> any EngineHost)? {
        guard try settings.engineIsolation() == .process else { return nil }
        let configuration = try settings.hostConfiguration(worker), keeping = try settings.processHosts()
        // Waits until the hosts of a process that ran here before are gone.
        let lock = try await HostsLock.take(configuration.directory)
        return { gate in
            let clock = BootClock()
            let hosts = ProcessHosts(
                lock: lock, configuration: configuration, program: OwnProgram.engineHost, settings: keeping,
                gate: { .now + (gate.openUntil - clock.now()) }, clock: clock, logger: logger)
            late.set(hosts)
            return hosts
        }
    }
}

/// The engine hosts of a node, for what was made before them.
private final class LateHosts: Sendable {
    private let hosts = Mutex<ProcessHosts?>(nil)

    func set(_ hosts: ProcessHosts) { self.hosts.withLock { $0 = hosts } }

    var gauges: [(name: String, value: Double)] { hosts.withLock { $0 }?.gauges() ?? [] }
}
