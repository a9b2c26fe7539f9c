import ArgumentParser
import FleetModel
import Foundation
import Logging
import Telemetry

struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev", abstract: "Run a whole fleet on this machine, with nothing to set up.",
        discussion: """
            Starts a private Postgres, a directory as object store, a manager and several nodes, each a process of its own. \
            Everything lives in one directory; a second start finds all databases again. Ctrl-C stops it in order. \
            What cannot be published then stays on the disk: the command ends with code \(CLIExit.unpublished.rawValue) and goes on with it \
            when it is started again.
            """)

    @Option(help: "Directory of the fleet.") var dir = "berth-dev"
    @Option(help: "Number of nodes.") var nodes = 3
    @Option(help: "Port of the manager; nodes take the ones after it. 0 takes free ones.") var port = 7070
    @Option(help: "Object store instead of a directory: s3://bucket/prefix?endpoint=…&region=….") var bucket: String?
    @Option(help: "How long a session lives without a renewal, in milliseconds.") var leaseTTLMs: Int?
    @Option(help: "Time between two bundles, in milliseconds.") var shipIntervalMs: Int?
    @Option(help: "Log level of all processes.") var logLevel = "info"
    @Flag(help: "When stopped, give up commits that cannot be published.") var force = false
    @Option(help: "JSON file with further settings for all processes.") var config: String?

    func validate() throws {
        guard (1...50).contains(nodes) else { throw ValidationError("--nodes takes a number from 1 to 50.") }
        guard (0...65535 - nodes).contains(port) else { throw ValidationError("--port takes a number from 0 to \(65535 - nodes).") }
    }

    func run() async throws {
        let path = URL(fileURLWithPath: dir).standardizedFileURL.path
        var child = try RoleOptions.parse([])
        child.bucket = bucket ?? "\(path)/bucket"
        child.leaseTTLMs = leaseTTLMs
        child.shipIntervalMs = shipIntervalMs
        child.logLevel = logLevel
        child.config = config
        let output = LogOutput(format: .text, level: .notice)
        let fleet = DevFleet(directory: path, nodeCount: nodes, firstPort: port, options: child, stopsByForce: force, logger: output.logger(label: "dev"))
        try await RoleRunner.run([fleet], logger: output.logger(label: "dev"))
    }
}
