import AsyncHTTPClient
import Chaos
import Foundation
import LocalFleet
import Logging
import Synchronization

extension ChaosFleet {
    /// Starts what the fleet stands on, and says how its processes are to be started. Nothing of Berth runs yet.
    static func prepare(_ settings: FleetSettings, http: HTTPClient) async throws -> ChaosFleet {
        let directory = settings.directory
        for name in ["logs", "data"] {
            try FileManager.default.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
        }
        try settings.configuration().write(to: URL(fileURLWithPath: "\(directory)/settings.json"))
        let postgres = PrivatePostgres(try postgresConfiguration(directory), logger: quiet)
        var bucket: ObjectStoreSite?, addresses: Addresses?, disks: [String: SmallDisk] = [:]
        do {
            async let starting: Void = postgres.start()
            let store = try await ObjectStoreSite.start(settings, http: http)
            bucket = store
            try await starting
            let token = try await migrate(settings, conninfo: postgres.conninfo())
            let network = Network(), owners = ProcessOwners()
            let laid = try await Addresses.lay(
                settings.topology, network: network, postgres: "\(postgres.configuration.socketDirectory)/.s.PGSQL.5432",
                bucketPort: store.port, party: { owners.party(ofPort: $0) })
            addresses = laid
            if settings.hasSmallDisks {
                for node in settings.topology.nodes {
                    disks[node] = try await SmallDisk.mount(
                        at: dataDirectory(of: node, in: directory), bytes: FleetSettings.diskBytes,
                        log: "\(directory)/logs/disks.log")
                }
            }
            let fileFaults = try fileFaults(settings)
            let fleet = ChaosFleet(
                settings: settings, network: network, postgres: postgres, bucket: store, addresses: laid, http: http,
                token: token, processes: processes(settings, laid, store, fileFaults), disks: disks, fileFaults: fileFaults)
            owners.set { [weak fleet] in fleet?.owners ?? [:] }
            return fleet
        } catch {
            for disk in disks.values { await disk.unmount() }
            await addresses?.stop()
            await bucket?.stop()
            await postgres.kill()
            throw error
        }
    }

    /// Who of those that connect to data ports is which process.
    private var owners: [Int32: String] {
        var owners: [Int32: String] = [:]
        for node in settings.topology.nodes { if let pid = worker(of: node) { owners[pid] = node } }
        for name in settings.topology.gateways + settings.topology.managers {
            if let pid = processes[name]?.pid { owners[pid] = name }
        }
        return owners
    }

    private static let quiet = Logger(label: "postgres") { _ in SwiftLogNoOpLogHandler() }

    private static func postgresConfiguration(_ directory: String) throws -> PrivatePostgres.Configuration {
        // A socket's path is short; a directory deep in a home is not.
        let near = "\(directory)/socket", socket = near.utf8.count <= 80 ? near : "/tmp/berth-chaos-\(ProcessInfo.processInfo.processIdentifier)"
        var configuration = PrivatePostgres.Configuration(dataDirectory: "\(directory)/postgres", socketDirectory: socket)
        configuration.logFile = "\(directory)/logs/postgres.log"
        configuration.maxConnections = 300
        configuration.endWithParent = .immediate
        // Safe when processes are killed, which is all that happens here; only the machine's own crash would lose anything.
        configuration.settings = ["fsync": "off", "synchronous_commit": "on", "full_page_writes": "on", "berth.may_lose_data": "on"]
        return configuration
    }

    /// Brings the schema up and makes an admin token.
    private static func migrate(_ settings: FleetSettings, conninfo: String) async throws -> String {
        let output = "\(settings.directory)/logs/migrate.log"
        let child = try await ChildProcess.start(
            [
                settings.program, "migrate", "--postgres", conninfo, "--create-admin-token", "chaos",
                "--lease-ttl-ms", String(Moment(settings.leaseTTL).microseconds / 1000),
            ],
            environment: ProcessInfo.processInfo.environment, output: output)
        let code = await child.exitCode(), text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard code == 0, let token = text.split(separator: "\n").last.map(String.init) else {
            throw ChaosError("berth migrate failed: \(text)")
        }
        return token
    }

    /// Of each node; none without the library.
    private static func fileFaults(_ settings: FleetSettings) throws -> [String: FileFaults] {
        guard settings.fileFaultLibrary != nil else { return [:] }
        return Dictionary(
            uniqueKeysWithValues: try settings.topology.nodes.map { ($0, try FileFaults(path: "\(settings.directory)/data/\($0).faults")) })
    }

    private static func processes(
        _ settings: FleetSettings, _ addresses: Addresses, _ bucket: ObjectStoreSite, _ fileFaults: [String: FileFaults]
    ) -> [String: FleetProcess] {
        let common = ProcessInfo.processInfo.environment.merging(ObjectStoreSite.environment) { $1 }
        func process(_ name: String, _ role: [String], needsBucket: Bool, _ more: [String]) -> (String, FleetProcess) {
            let postgres = "host=127.0.0.1 port=\(addresses.toPostgres[name] ?? 0) user=\(PrivatePostgres.user) dbname=postgres sslmode=disable"
            let preload = settings.fileFaultLibrary.flatMap { fileFaults[name]?.environment(library: $0) } ?? [:]
            let environment = common.merging(preload) { $1 }
            let store = needsBucket ? ["--bucket", bucket.url(port: addresses.toBucket[name])] : []
            let command = [settings.program] + role + ["--postgres", postgres] + store + [
                "--listen", "127.0.0.1:\(addresses.listening[name] ?? 0)", "--name", name, "--log-level", settings.logLevel,
                "--config", "\(settings.directory)/settings.json",
            ] + more + ["--lifeline"]
            return (
                name,
                FleetProcess(name: name, command: command, environment: environment, log: "\(settings.directory)/logs/\(name).log")
            )
        }
        let topology = settings.topology
        let managers = topology.managers.map { process($0, ["manager"], needsBucket: true, []) }
        let nodes = topology.nodes.map {
            process(
                $0, ["node", "run"], needsBucket: true,
                ["--advertise", addresses.advertised($0), "--data", dataDirectory(of: $0, in: settings.directory)])
        }
        let gateways = topology.gateways.map { process($0, ["gateway"], needsBucket: false, []) }
        return Dictionary(uniqueKeysWithValues: managers + nodes + gateways)
    }
}

/// Says who connected, by looking at who owns the other end of the socket.
private final class ProcessOwners: Sendable {
    private let owners = Mutex<@Sendable () -> [Int32: String]>({ [:] })

    func set(_ owners: @escaping @Sendable () -> [Int32: String]) { self.owners.withLock { $0 = owners } }

    /// Somebody without a name when it is none of the fleet, or gone already.
    func party(ofPort port: Int) -> String {
        let known = owners.withLock { $0 }()
        return SocketOwner.process(ofPort: port, among: known.keys.sorted()).flatMap { known[$0] } ?? "somebody"
    }
}
