import ArgumentParser
import FleetModel
import FleetStore
import Foundation
import Leases
import Logging
import Telemetry
import WorkerNode

struct NodeRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a worker node.",
        discussion: """
            Starts the process that holds databases and supervises it: when that process dies, its session is ended at once, \
            so that other nodes take its databases over without waiting, and it is started again.

            On SIGTERM it publishes what is committed, gives its leases back and ends. What cannot be published stays on the disk: \
            the command ends with code \(CLIExit.unpublished.rawValue) and `unpublished_commits`, and goes on with it when it is started again in time.
            """)

    @OptionGroup var options: RoleOptions
    @Flag(help: "When stopped, give up commits that cannot be published.")
    var force = false
    @Flag(help: .hidden) var lifeline = false

    func run() async throws {
        let settings = try await RoleSettings(options)
        var logger = try settings.logOutput().logger(label: "supervisor")
        let name = try NodeName(try settings.required("name"))
        logger[metadataKey: "node"] = "\(name)"
        let lock = try DataDirectoryLock(try settings.required("data"))
        let worker = try settings.worker()
        let listen = try settings.listenAddress(default: "127.0.0.1:8080")
        _ = try listen.advertised(settings.string("advertise"), port: listen.port)
        _ = try await FleetMembership.read(
            settings, role: "berth \(name) supervisor", program: .ofThisProcess, comparison: .refusesOthers, logger: logger)
        let postgres = try PostgresURL(try settings.required("postgres"))
        try await Bucket.verify(settings)
        try await Bucket.check(settings, postgres: postgres, role: "berth \(name) supervisor", logger: logger)
        let connection = PostgresConnection(url: postgres, applicationName: "berth \(name) supervisor", logger: logger)
        let supervisor = NodeSupervisor(
            node: name, arguments: options.arguments + (force ? ["--force"] : []), lock: lock,
            leases: PostgresLeaseStore(renewals: connection, work: connection),
            startAttempts: try settings.int("worker-start-attempts", in: 1...1_000_000, default: 10),
            shutdownTimeout: worker.shutdownTimeout, logger: logger)
        try await RoleRunner.run([supervisor], logger: logger, lifeline: lifeline) { await connection.close() }
    }
}
