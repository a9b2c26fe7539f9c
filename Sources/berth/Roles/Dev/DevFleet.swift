import FleetModel
import FleetStore
import Foundation
import LocalFleet
import Logging
import ServiceLifecycle
import Synchronization

/// A whole fleet on one machine: Postgres, manager and nodes as child processes, kept running until the end.
final class DevFleet: Service {
    private let directory: String
    private let nodeCount: Int
    private let firstPort: Int
    private let options: RoleOptions
    /// Nodes that stop give up what they cannot publish.
    private let stopsByForce: Bool
    private let logger: Logger
    private let clock = BootClock()

    init(directory: String, nodeCount: Int, firstPort: Int, options: RoleOptions, stopsByForce: Bool, logger: Logger) {
        self.directory = directory
        self.nodeCount = nodeCount
        self.firstPort = firstPort
        self.options = options
        self.stopsByForce = stopsByForce
        self.logger = logger
    }

    /// Runs the fleet until a graceful shutdown.
    ///
    /// - Throws: `unpublished_commits` when nodes stopped with commits that are on their disks alone.
    func run() async throws {
        let lock = try DataDirectoryLock(directory)
        // Said here, at once, rather than by every child in its log.
        try await Bucket.verify(RoleSettings(options))
        let postgres = PrivatePostgres(try postgresConfiguration(), logger: logger)
        say("Starting Postgres in \(directory)/postgres …")
        try await postgres.start()
        let unpublished: [String]
        do {
            unpublished = try await runFleet(postgres)
        } catch {
            await postgres.stop()
            throw error
        }
        await postgres.stop()
        unlink("\(directory)/\(DevFleetFile.name)")
        guard unpublished.isEmpty else { throw keptCommits(of: unpublished) }
        say("Stopped. `berth dev --dir \(directory)` finds everything again.")
        withExtendedLifetime(lock) {}
    }

    private func keptCommits(of nodes: [String]) -> BerthError {
        BerthError(
            .unpublishedCommits,
            "Stopped; \(nodes.joined(separator: ", ")) kept commits on this disk that are not in the bucket, see their logs in \(directory). "
                + "As soon as the bucket answers, `berth dev --dir \(directory)` goes on with them. To give them up, add --force and stop it again.")
    }

    /// - Returns: the nodes that stopped with commits that are not in the bucket.
    private func runFleet(_ postgres: PrivatePostgres) async throws -> [String] {
        let conninfo = postgres.conninfo()
        let ports = try DevPorts.choose(first: firstPort, count: nodeCount + 1)
        let token = try await DevSetup.prepare(
            conninfo: conninfo, directory: directory, leaseTTL: try await RoleSettings(options).ownLeaseTTL(), logger: logger)
        let file = DevFleetState(
            path: "\(directory)/\(DevFleetFile.name)", manager: "http://127.0.0.1:\(ports[0])", token: token,
            nodes: (1...nodeCount).map { ("node-\($0)", "http://127.0.0.1:\(ports[$0])") })
        // Of another fleet's bucket, as after this directory was removed and the bucket was not, every child would tell its log, again and again.
        try await Bucket.check(RoleSettings(options), postgres: try PostgresURL(conninfo), role: "berth dev", logger: logger)

        var options = options
        options.postgres = conninfo
        // The fleet's by now; a process that starts again after it was changed must not insist on the former one.
        options.leaseTTLMs = nil
        let manager = child(["manager"], options, name: "manager", port: ports[0])
        let nodes = (1...nodeCount).map { number in
            let name = "node-\(number)"
            var nodeOptions = options
            nodeOptions.data = "\(directory)/\(name)"
            let node = child(["node", "run"] + (stopsByForce ? ["--force"] : []), nodeOptions, name: name, port: ports[number])
            node.onStart { pid in file.update(name) { $0.supervisorPID = pid } }
            return node
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            // The manager outlives the nodes: their last words go through Postgres, but their drains are its work.
            group.addTask { await manager.run() }
            for node in nodes { group.addTask { await node.run() } }
            group.addTask { await self.follow(file) }
            group.addTask { await self.keepRunning(postgres) }
            group.addTask { try await self.announce(file) }
            try await cancelWhenGracefulShutdown { try await self.untilStopped() }
            say("Stopping …")
            let unpublished = await withTaskGroup(of: String?.self, returning: [String].self) { stops in
                for node in nodes {
                    stops.addTask { await node.stop() == CLIExit.unpublished.rawValue ? node.name : nil }
                }
                return await stops.reduce(into: []) { if let name = $1 { $0.append(name) } }
            }
            await manager.stop()
            group.cancelAll()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
            return unpublished.sorted()
        }
    }

    /// Starts Postgres again whenever it ended; the fleet waits for it meanwhile.
    private func keepRunning(_ postgres: PrivatePostgres) async {
        while !Task.isCancelled {
            if await postgres.pid == nil {
                logger.warning("Postgres ended and is started again", metadata: ["log": "\(directory)/postgres.log"])
                do throws(BerthError) { try await postgres.start() } catch {
                    logger.error("Postgres could not be started", metadata: ["error": "\(error)"])
                }
            }
            do { try await clock.sleep(for: .milliseconds(500)) } catch { return }
        }
    }

    private func untilStopped() async throws {
        do { while true { try await clock.sleep(for: .seconds(3600)) } } catch is CancellationError {}
    }

    private func child(_ command: [String], _ options: RoleOptions, name: String, port: Int) -> RestartingChild {
        var options = options
        options.name = name
        options.listen = "127.0.0.1:\(port)"
        return RestartingChild(
            command: command + options.arguments + ["--lifeline"], output: "\(directory)/\(name).log", name: name,
            logger: logger)
    }

    /// Keeps the workers' process numbers in `dev.json` current: their supervisors write them beside their locks.
    private func follow(_ file: DevFleetState) async {
        while !Task.isCancelled {
            for name in file.nodeNames {
                let text = try? String(contentsOfFile: "\(directory)/\(name)/worker.pid", encoding: .utf8)
                let pid = text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
                file.update(name) { $0.pid = pid }
            }
            do { try await clock.sleep(for: .milliseconds(100)) } catch { return }
        }
    }

    /// Waits until everything answers, then tells a person what to do next.
    private func announce(_ file: DevFleetState) async throws {
        let ready = DevReadiness(clock: clock)
        for url in [file.managerURL] + file.nodeURLs { try await ready.wait(for: url + "/readyz", log: directory) }
        file.publish()
        say(file.greeting(directory: directory))
    }

    private func postgresConfiguration() throws(BerthError) -> PrivatePostgres.Configuration {
        // A socket's path is short; a directory deep in a home is not.
        let near = "\(directory)/postgres-socket"
        let socket = near.utf8.count <= 90 ? near : "/tmp/berth-\(StableHash.of(directory))"
        var configuration = PrivatePostgres.Configuration(dataDirectory: "\(directory)/postgres", socketDirectory: socket)
        configuration.logFile = "\(directory)/postgres.log"
        configuration.maxConnections = 40 + nodeCount * 10
        return configuration
    }

    private func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}

/// FNV-1a, so that the same directory gives the same name in every process.
enum StableHash {
    static func of(_ text: String) -> String {
        String(text.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 36)
    }
}
