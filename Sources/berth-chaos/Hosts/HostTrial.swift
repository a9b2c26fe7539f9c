import ArgumentParser
import AsyncHTTPClient
import Chaos
import FleetModel
import Foundation
import Glibc

/// What trials of engine hosts have in common.
struct HostTrialOptions: ParsableArguments {
    @Option(help: "Worker nodes.") var nodes = 2
    @Option(help: "SQLite databases whose clients insert all the time.") var writers = 6
    @Option(help: "DuckDB databases whose clients insert all the time.") var duckdbWriters = 2
    @Option(help: "Log level of the fleet's processes.") var logLevel = "warning"
    @Option(help: "An empty or new directory for the fleet and its logs, which is removed when all went well.") var dir: String?
    @Option(help: "The program under test; by default BERTH_BINARY, or the one beside this.") var berth: String?

    func validate() throws {
        guard nodes >= 1, writers >= 0, duckdbWriters >= 0, writers + duckdbWriters >= 1 else {
            throw ValidationError("A trial takes a node and a writer at least.")
        }
    }
}

/// A fleet with clients that insert, while something is done to its engine hosts.
final class HostTrial: Sendable {
    let fleet: ChaosFleet
    let writers: [TrialWriter]

    private init(_ fleet: ChaosFleet, _ writers: [TrialWriter]) {
        self.fleet = fleet
        self.writers = writers
    }

    /// - Returns: what became of the rows of all writers.
    static func run(_ options: HostTrialOptions, named name: String, _ body: (HostTrial) async throws -> Void) async throws -> InsertLog.Outcome {
        let directory = URL(fileURLWithPath: options.dir ?? "\(NSTemporaryDirectory())/berth-\(name)-\(ProcessInfo.processInfo.processIdentifier)").standardizedFileURL.path
        guard ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).isEmpty else {
            throw ValidationError("\(directory) holds something. Name another directory with --dir.")
        }
        let http = HTTPClient.plain()
        let fleet = try await ChaosFleet.prepare(
            FleetSettings(
                program: try FleetProgram.path(options.berth), directory: directory, topology: Topology(nodes: options.nodes, managers: 1, gateways: 1),
                leaseTTL: .seconds(5), shipInterval: .milliseconds(250), maxShipLag: .seconds(5), bucket: .directory, hasSmallDisks: false,
                fileFaultLibrary: nil, logLevel: options.logLevel, seed: 1),
            http: http)
        let result: Result<InsertLog.Outcome, any Error>
        do { result = .success(try await run(fleet, options, body)) } catch { result = .failure(error) }
        _ = await fleet.stopProcesses()
        await fleet.stopSurroundings()
        try? await http.shutdown()
        let outcome = try result.get()
        if outcome.isClean { try FileManager.default.removeItem(atPath: directory) } else { Console.say("Everything is kept in \(directory).") }
        return outcome
    }

    private static func run(_ fleet: ChaosFleet, _ options: HostTrialOptions, _ body: (HostTrial) async throws -> Void) async throws -> InsertLog.Outcome {
        try await fleet.start()
        var writers: [TrialWriter] = []
        for (engine, count) in [(EngineKind.sqlite, options.writers), (.duckdb, options.duckdbWriters)] {
            for number in 0..<count {
                let (id, client) = try await database("writer-\(engine.rawValue)-\(number)", engine, on: fleet)
                try await client.execute("CREATE TABLE t (n BIGINT)")
                writers.append(TrialWriter(engine, id, client))
            }
        }
        let trial = HostTrial(fleet, writers)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in writers { group.addTask { try await writer.run() } }
            try await body(trial)
            group.cancelAll()
            while let ended = await group.nextResult() { if case .failure(let error) = ended, !(error is CancellationError) { throw error } }
        }
        var sum = InsertLog.Outcome()
        for writer in writers { sum.add(try await writer.outcome()) }
        return sum
    }

    /// Makes a database, and says how to reach it.
    static func database(_ name: String, _ engine: EngineKind, on fleet: ChaosFleet) async throws -> (id: String, client: DataClient) {
        let id = try await AdminClient(fleet: fleet).create(TestedDatabase(name: name, engine: engine.rawValue, durability: "local", accounts: 0, balance: 0))
        return (id, DataClient(http: fleet.http, url: fleet.addresses.url("gateway-1"), database: name, token: fleet.token, timeout: .seconds(70)))
    }

    /// Processes that hold the databases of all nodes, by node; supervisors start others when they end.
    var workers: [String: Int32] {
        Dictionary(uniqueKeysWithValues: fleet.settings.topology.nodes.compactMap { node in fleet.worker(of: node).map { (node, $0) } })
    }

    /// Where databases are open now, by their ids: the process that has a file of a database open, and the worker of its node.
    func hosts() -> [String: (host: Int32, worker: Int32)] {
        var hosts: [String: (host: Int32, worker: Int32)] = [:]
        for worker in workers.values {
            for host in fleet.hosts(ofWorker: worker) {
                for file in ProcessTable.openFiles(of: host) {
                    for folder in file.split(separator: "/") where folder.count == 36 { hosts[String(folder).lowercased()] = (host, worker) }
                }
            }
        }
        return hosts
    }
}
