import EngineHost
import Engines
import FleetModel
import FleetStore
import Foundation
import Hrana
import Leases
import LocalFleet
import Logging
import Migrations
import ObjectStores
import Replication
import Routing
import ServiceLifecycle
import WorkerNode

/// One worker node as `berth node` wires it, with a Postgres of its own as lease store and a directory as bucket.
///
/// Only the gateway is missing: requests come in where a gateway hands them over.
final class BenchFleet: Sendable {
    static let nodeName = "bench-node"

    let node: WorkerNode
    let catalogue: FleetCatalogue
    let objects: DirectoryStore
    let engines: EngineSet
    let bucket: String
    private let name: NodeName
    private let postgres: PrivatePostgres
    private let connections: BenchConnections
    private let group: ServiceGroup
    private let running: Task<Void, any Error>
    private let workplace: Workplace
    private let logger: Logger

    /// Runs `body` with a fleet, stops it as SIGTERM does, and hands what is left (the bucket and the catalogue) to
    /// `afterwards`.
    static func with(
        _ workplace: Workplace, engines: EngineSet, isolation: Isolation = .thread, settings: WorkerSettings = WorkerSettings(),
        _ body: (BenchFleet) async throws -> Void, afterwards: (BenchFleet) async throws -> Void = { _ in }
    ) async throws {
        let postgres = try await startPostgres(in: workplace)
        do {
            let fleet = try await BenchFleet(workplace, postgres, engines, isolation, settings)
            do {
                try await body(fleet)
                await fleet.group.triggerGracefulShutdown()
                try await fleet.running.value
            } catch {
                await fleet.group.triggerGracefulShutdown()
                _ = try? await fleet.running.value
                throw error
            }
            try await afterwards(fleet)
            await fleet.connections.close()
            try await fleet.objects.shutdown()
        } catch {
            await postgres.stop()
            throw error
        }
        await postgres.stop()
    }

    private static func startPostgres(in workplace: Workplace) async throws -> PrivatePostgres {
        let postgres = PrivatePostgres(
            PrivatePostgres.Configuration(
                dataDirectory: workplace.path + "/postgres", socketDirectory: workplace.path + "/s"),
            logger: .bench)
        try await postgres.start()
        return postgres
    }

    private init(
        _ workplace: Workplace, _ postgres: PrivatePostgres, _ engines: EngineSet, _ isolation: Isolation, _ settings: WorkerSettings
    ) async throws {
        self.workplace = workplace
        self.postgres = postgres
        self.engines = engines
        logger = .bench
        name = try NodeName(Self.nodeName)
        connections = try await BenchConnections(conninfo: postgres.conninfo(), timing: LeaseTiming(), logger: logger)
        catalogue = connections.catalogue
        bucket = workplace.path + "/bucket"
        objects = try DirectoryStore(path: bucket)
        let hints = connections.hints
        let host = try await isolation.host(in: workplace.path + "/node", settings, logger)
        let node = WorkerNode(
            session: NewSession(
                id: .random(), node: name, role: .node, address: "http://127.0.0.1:1", engines: engines.kinds),
            leases: connections.leases, catalogue: catalogue, segments: catalogue, objects: objects, engines: engines, host: host,
            directory: workplace.path + "/node", settings: settings, hints: { hints.hints() }, logger: logger)
        self.node = node
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: HintService(hints: hints)),
                    .init(
                        service: node, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup),
                ], logger: logger))
        self.group = group
        running = Task { try await group.run() }
        try await wait("the node has a session") { node.isReady }
    }

    /// Creates a database and returns when the node leads it.
    func create(_ name: String, _ kind: EngineKind, durability: Durability = .local) async throws -> DatabaseRecord {
        let record = DatabaseRecord(
            id: .timeOrdered(), name: try DatabaseName(name), engine: kind, durability: durability, createdAt: Date())
        try await catalogue.createDatabase(record, on: self.name)
        try await wait("“\(name)” is led") { node.leads(record.name) }
        return record
    }

    /// Returns when everything that was committed is published.
    func drainShipping() async throws {
        try await wait("everything is shipped") { node.shipLags().isEmpty }
    }

    /// The published state of a database, restored from the bucket alone into a new directory.
    ///
    /// - Returns: the path of its file.
    func restore(_ record: DatabaseRecord) async throws -> String {
        guard let status = try await catalogue.database(record.id) else { throw WorkLost("\(record.name) is not in the catalogue") }
        let copy = LocalCopy(database: record.id, in: workplace.path + "/restored")
        _ = try await Restorer(segments: catalogue, objects: objects, logger: logger)
            .bring(copy, to: status.head, by: try engines.engine(record.engine))
        return copy.filePath
    }

    /// Bytes of all objects in the bucket.
    var bucketBytes: Int { workplace.bytes(of: bucket) }

    private func wait(_ what: String, until isTrue: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while !isTrue() {
            guard ContinuousClock.now < deadline else { throw WorkLost("after two minutes it is still not so that \(what)") }
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// Where the node's engines run.
enum Isolation: String, CaseIterable {
    case thread, process

    /// - Returns: `nil` for the node's own.
    fileprivate func host(
        in directory: String, _ settings: WorkerSettings, _ logger: Logger
    ) async throws -> (@Sendable (SessionGate) -> any EngineHost)? {
        guard self == .process else { return nil }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var configuration = HostConfiguration()
        configuration.settings = settings.tenants.host
        configuration.threads = settings.engine
        configuration.logLevel = "warning"
        let program = HostProgram(
            executable: try BerthProgram.path(), arguments: ["berth", "engine-host"], environment: ProcessInfo.processInfo.environment)
        let lock = try await HostsLock.take(directory)
        return { [configuration] gate in
            let clock = BootClock()
            return ProcessHosts(
                lock: lock, configuration: configuration, program: program, settings: ProcessHostSettings(),
                gate: { .now + (gate.openUntil - clock.now()) }, clock: clock, logger: logger)
        }
    }
}

private struct HintService: Service {
    let hints: HintSource
    func run() async throws { await cancelWhenGracefulShutdown { await self.hints.run() } }
}

extension Logger {
    /// Warnings on standard error; everything below with `BERTH_BENCH_LOG` set.
    static var bench: Logger {
        var logger = Logger(label: "bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = ProcessInfo.processInfo.environment["BERTH_BENCH_LOG"] == nil ? .warning : .debug
        return logger
    }
}
