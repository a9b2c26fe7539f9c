import ArgumentParser
import Chaos
import Foundation
import Glibc

/// The parameters of a run.
struct SoakOptions: ParsableArguments {
    @Option(help: "How long faults go on; starting, healing and reading back come on top.") var minutes = 1.0
    @Option(help: "The same seed plans the same faults.") var seed: UInt64 = 1
    @Option(help: "Faults and groups of faults, with commas: \(SoakOptions.faultNames).") var faults = "all"
    @Option(help: "Engines of the databases, in turn, with commas.") var engine = "sqlite"
    @Option(help: "Durabilities of the databases, in turn, with commas.") var durability = "local,bucket"
    @Option(help: "Worker nodes.") var nodes = 3
    @Option(help: "Fleet managers.") var managers = 2
    @Option(help: "Gateways on their own.") var gateways = 1
    @Option(help: "Databases.") var databases = 12
    @Option(help: "Clients.") var clients = 12
    @Option(help: "Time a client rests between two requests, in milliseconds.") var paceMs = 20
    @Option(help: "How long a session lives without a renewal, in milliseconds.") var ttlMs = 2_000
    @Option(help: "Time between two bundles, in milliseconds.") var shipIntervalMs = 250
    @Option(help: "Lag past which local writes are pushed back, in milliseconds.") var maxShipLagMs = 2_000
    @Option(help: "Time between the beginnings of two faults, on average, in milliseconds.") var gapMs = 1_500
    @Option(help: "Faults in effect at the same time, at most.") var atOnce = 3
    @Option(help: "Object store: s3, behind a proxy that makes trouble, or directory.") var bucketKind = "s3"
    @Option(help: "Log level of the fleet's processes.") var logLevel = "info"
    @Option(help: "Directory for the fleet, its logs, the history and the report.") var dir: String?
    @Option(help: "The program under test; by default BERTH_BINARY, or the one beside this.") var berth: String?
    @Flag(help: "Keep the fleet's data also when every promise was kept.") var keep = false

    private static let faultNames = (FaultKind.groups.keys.sorted() + FaultKind.allCases.map(\.rawValue)).joined(separator: ", ")

    func validate() throws {
        if case .failure(let unknown) = FaultKind.list(faults) { throw ValidationError("\(unknown)") }
        guard minutes > 0, minutes <= 24 * 60 else { throw ValidationError("--minutes takes a number up to \(24 * 60).") }
        guard FleetSettings.BucketKind(rawValue: bucketKind) != nil else { throw ValidationError("--bucket-kind takes s3 or directory.") }
        let positive = [
            ("nodes", nodes), ("managers", managers), ("databases", databases), ("clients", clients), ("gap-ms", gapMs),
            ("at-once", atOnce), ("ship-interval-ms", shipIntervalMs), ("max-ship-lag-ms", maxShipLagMs),
        ]
        for (name, value) in positive where value < 1 { throw ValidationError("--\(name) takes a number from 1.") }
        guard gateways >= 0, paceMs >= 0 else { throw ValidationError("--gateways and --pace-ms take no negative number.") }
        guard ttlMs >= 500 else { throw ValidationError("--ttl-ms takes a number from 500.") }
        guard !engines.isEmpty else { throw ValidationError("--engine is empty.") }
        guard !durabilities.isEmpty else { throw ValidationError("--durability is empty.") }
    }

    var kinds: [FaultKind] { (try? FaultKind.list(faults).get()) ?? [] }
    var engines: [String] { engine.split(separator: ",").map(String.init) }
    var durabilities: [String] { durability.split(separator: ",").map(String.init) }
    var length: Duration { .milliseconds(Int64(minutes * 60_000)) }
    var topology: Topology { Topology(nodes: nodes, managers: managers, gateways: gateways) }
    var directory: String { URL(fileURLWithPath: dir ?? "berth-soak/seed-\(seed)").standardizedFileURL.path }

    var rules: Rules {
        Rules(
            leaseTTL: .milliseconds(ttlMs), shipInterval: .milliseconds(shipIntervalMs), maxShipLag: .milliseconds(maxShipLagMs))
    }

    /// The program under test, an absolute path.
    func program() throws -> String { try FleetProgram.path(berth) }

    /// The command line that repeats the plan; the directory is the reader's own.
    var command: String {
        var words = [
            "./ops/soak", "--minutes", minutes == minutes.rounded() ? String(Int(minutes)) : String(minutes), "--seed", String(seed),
            "--faults", faults, "--durability", durability,
        ]
        if engine != "sqlite" { words += ["--engine", engine] }
        let numbers: [(String, Int, Int)] = [
            ("nodes", nodes, 3), ("managers", managers, 2), ("gateways", gateways, 1), ("databases", databases, 12),
            ("clients", clients, 12), ("pace-ms", paceMs, 20), ("ttl-ms", ttlMs, 2_000), ("ship-interval-ms", shipIntervalMs, 250),
            ("max-ship-lag-ms", maxShipLagMs, 2_000), ("gap-ms", gapMs, 1_500), ("at-once", atOnce, 3),
        ]
        for (name, value, usual) in numbers where value != usual { words += ["--\(name)", String(value)] }
        if bucketKind != "s3" { words += ["--bucket-kind", bucketKind] }
        return words.joined(separator: " ")
    }
}
