import ArgumentParser
import Chaos
import Engines
import FleetModel
import Foundation
import Simulation

/// What a schedule consists of; the same seed with the same options is the same schedule.
struct ScheduleOptions: ParsableArguments {
    @Option(help: "Where nodes keep their files; memory is fastest.") var directory = "/dev/shm"
    @Option(help: "Seconds of simulated time in which faults happen.") var seconds: Int = 20
    @Option(help: "Faults, separated by commas; all by default.") var faults: String?
    @Option(help: "Engines of the databases, in turn.") var engine = "sqlite"
    @Option(help: "Path of libduckdb.so, unless it is in one of the usual places.") var duckdbLibrary: String?
    @Option(help: "Durabilities of the databases, in turn.") var durability = "bucket,local"
    @Option(help: "Worker nodes.") var nodes = 3
    @Option(help: "Managers.") var managers = 2
    @Option(help: "Databases.") var databases = 4
    @Option(help: "Clients.") var clients = 4
    @Option(help: "How much faster or slower than time clocks may run, as a fraction; what leases allow for is below 0.1.") var clockDrift = 0.01
    @Option(help: "TTL of the managers' own sessions in milliseconds, where those of nodes have 2000.") var managerTTLMs = 2_000
    @Option(help: .hidden) var breach: String?
    @Flag(help: "Print the timeline, whatever the verdict.") var timeline = false
    @Flag(name: .customLong("alone"), help: .hidden) var isAlone = false

    func settings() throws -> SimulationSettings {
        var settings = SimulationSettings()
        guard seconds > 0, nodes > 0, managers > 0, databases > 0, clients > 0 else {
            throw ValidationError("Numbers of seconds, nodes, managers, databases and clients are at least 1.")
        }
        settings.faultTime = .seconds(seconds)
        guard (0..<1).contains(clockDrift) else { throw ValidationError("--clock-drift is from 0 to below 1.") }
        settings.clockDrift = clockDrift
        guard (500...600_000).contains(managerTTLMs) else { throw ValidationError("--manager-ttl-ms is from 500 to 600000.") }
        settings.managerTTLOfItsOwn = .milliseconds(managerTTLMs)
        settings.nodes = nodes
        settings.managers = managers
        settings.databases = databases
        settings.clients = clients
        settings.engines = try engines()
        settings.durabilities = try durability.split(separator: ",").map { name in
            guard Durability(rawValue: String(name)) != nil else { throw ValidationError("“\(name)” is no durability.") }
            return String(name)
        }
        settings.breach = try breach.map { name in
            guard let breach = Breach(rawValue: name) else {
                throw ValidationError("“\(name)” breaks nothing. There are: \(Breach.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            return breach
        }
        if let faults {
            settings.faults = try faults.split(separator: ",").map { name in
                guard let fault = SimulatedFault(rawValue: String(name)) else {
                    let all = SimulatedFault.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("“\(name)” is no fault. There are: \(all).")
                }
                return fault
            }
        }
        return settings
    }

    private func engines() throws -> EngineSet {
        var engines = EngineSet()
        for name in engine.split(separator: ",") {
            switch EngineKind(rawValue: String(name)) {
            case .sqlite: engines.add(SQLiteEngine(options: SimulationSettings.sqlite))
            case .duckdb:
                do { engines.add(DuckDBEngine(library: try DuckDBLibrary.load(path: duckdbLibrary))) } catch {
                    throw ValidationError("\(error)")
                }
            case nil: throw ValidationError("“\(name)” is no engine. There are: sqlite, duckdb.")
            }
        }
        guard !engines.kinds.isEmpty else { throw ValidationError("--engine is empty.") }
        return engines
    }

    /// As arguments for another run.
    var arguments: [String] {
        ["--directory", directory, "--seconds", "\(seconds)", "--engine", engine, "--durability", durability, "--nodes", "\(nodes)"]
            + ["--managers", "\(managers)", "--databases", "\(databases)", "--clients", "\(clients)", "--clock-drift", "\(clockDrift)"]
            + ["--manager-ttl-ms", "\(managerTTLMs)"]
            + (breach.map { ["--breach", $0] } ?? [])
            + (duckdbLibrary.map { ["--duckdb-library", $0] } ?? []) + (faults.map { ["--faults", $0] } ?? []) + (timeline ? ["--timeline"] : [])
    }

    /// Runs one schedule in this process, and prints its report as the last line.
    func run(_ seed: UInt64) throws {
        let disks = "\(directory)/berth-simulate-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: disks) }
        let result = Simulation.run(seed: seed, try settings(), directory: disks)
        if timeline || !result.verdict.isClean {
            for line in result.timeline { print(line) }
            for violation in result.verdict.violations { print("BROKEN \(violation)") }
        }
        let report = ScheduleReport(
            seed: seed, digest: result.digest, isClean: result.verdict.isClean, counts: result.verdict.counts, faults: result.faults,
            steps: result.steps, rareBranches: result.rareBranches)
        print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
    }
}

/// What a schedule was, in one line of JSON.
struct ScheduleReport: Codable, Sendable {
    var seed: UInt64
    /// Equal for equal timelines.
    var digest: String
    var isClean: Bool
    var counts: Verdict.Counts
    var faults: [String: Int]
    var steps: Int
    /// How often each rare branch was taken.
    var rareBranches: [String: Int]
}
