import AsyncHTTPClient
import Chaos
import Foundation
import Glibc
import LocalFleet
import NIOCore
import NIOHTTP1
import Synchronization

/// A whole fleet of real processes on this machine, every part of which can be broken.
final class ChaosFleet: Sendable {
    let settings: FleetSettings
    let network: Network
    let postgres: PrivatePostgres
    let bucket: ObjectStoreSite
    let addresses: Addresses
    let http: HTTPClient
    /// The admin token.
    let token: String
    /// By name.
    let processes: [String: FleetProcess]
    let disks: [String: SmallDisk]
    /// By node; none when no such fault is wanted.
    let fileFaults: [String: FileFaults]
    private let running = Mutex<Task<Void, Never>?>(nil)

    private static let startPatience: Duration = .seconds(60)
    private static let stopPatience: Duration = .seconds(15)

    init(
        settings: FleetSettings, network: Network, postgres: PrivatePostgres, bucket: ObjectStoreSite, addresses: Addresses,
        http: HTTPClient, token: String, processes: [String: FleetProcess], disks: [String: SmallDisk],
        fileFaults: [String: FileFaults]
    ) {
        self.settings = settings
        self.network = network
        self.postgres = postgres
        self.bucket = bucket
        self.addresses = addresses
        self.http = http
        self.token = token
        self.processes = processes
        self.disks = disks
        self.fileFaults = fileFaults
    }

    /// Starts the processes and waits until all of them are ready.
    func start() async throws {
        let processes = Array(processes.values)
        running.withLock {
            $0 = Task {
                await withDiscardingTaskGroup { group in
                    for process in processes { group.addTask { await process.run() } }
                }
            }
        }
        for name in self.processes.keys.sorted() { try await waitUntilReady(name, within: Self.startPatience) }
    }

    /// Waits until a process answers that it is ready.
    func waitUntilReady(_ name: String, within patience: Duration) async throws {
        try await eventually("\(name) is ready, see \(processes[name]?.log ?? "-")", within: patience, every: .milliseconds(50)) {
            guard processes[name]?.pid != nil else { throw ChaosError("it does not run") }
            let request = HTTPClientRequest(url: addresses.direct(name) + "/readyz")
            let response = try await http.execute(request, timeout: .seconds(2))
            _ = try await response.body.collect(upTo: 1 << 16)
            return response.status == .ok ? true : nil
        }
    }

    func process(_ name: String) throws -> FleetProcess {
        guard let process = processes[name] else { throw ChaosError("There is no process \(name).") }
        return process
    }

    // MARK: Workers

    func dataDirectory(of node: String) -> String { Self.dataDirectory(of: node, in: settings.directory) }
    static func dataDirectory(of node: String, in directory: String) -> String { "\(directory)/data/\(node)" }

    /// The process that holds a node's databases; `nil` while it is being started.
    ///
    /// Its supervisor writes the number down; a number that is another process's by now is not taken for it.
    func worker(of node: String) -> Int32? {
        let text = try? String(contentsOfFile: "\(dataDirectory(of: node))/worker.pid", encoding: .utf8)
        guard let pid = text.flatMap({ Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) else { return nil }
        let words = ProcessTable.commandLine(of: pid)
        return words.contains("worker") && words.contains(node) ? pid : nil
    }

    /// The processes in which a worker has databases open; none when it has them in its own.
    func hosts(ofWorker worker: Int32) -> [Int32] {
        ProcessTable.children(of: worker).filter { ProcessTable.commandLine(of: $0).contains("engine-host") }
    }

    // MARK: The end

    /// Everybody who may be asked for data, by name.
    var entries: [String] { settings.topology.nodes + settings.topology.gateways }

    /// Stops Berth's processes in order, and kills what does not stop. What they stand on goes on.
    ///
    /// - Returns: names of processes that had to be killed.
    func stopProcesses() async -> [String] {
        let topology = settings.topology
        var killed: [String] = []
        for names in [topology.gateways, topology.nodes, topology.managers] {
            killed += await withTaskGroup(of: String?.self) { group in
                for name in names {
                    guard let process = processes[name] else { continue }
                    group.addTask { await process.stop(patience: Self.stopPatience) ? nil : name }
                }
                return await group.reduce(into: []) { names, name in if let name { names.append(name) } }
            }
        }
        await running.withLock { $0 }?.value
        return killed.sorted()
    }

    /// Stops what the processes stood on.
    func stopSurroundings() async {
        for disk in disks.values { await disk.unmount() }
        await addresses.stop()
        await postgres.stop()
        await bucket.stop()
    }
}
