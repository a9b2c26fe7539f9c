import AsyncHTTPClient
import Chaos
import Foundation

/// One run, from an empty directory to a report.
struct Soak: Sendable {
    let options: SoakOptions
    let program: String

    /// - Throws: when the fleet could not be started, read back or written down; `CancellationError` when interrupted.
    func run() async throws -> Report {
        try makeDirectory()
        // One of its own, which may be replaced.
        if options.kinds.contains(.programReplaced) { try FileManager.default.copyItem(atPath: program, toPath: "\(options.directory)/berth") }
        let http = HTTPClient.plain()
        do {
            let report = try await run(http)
            try await http.shutdown()
            return report
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    private func run(_ http: HTTPClient) async throws -> Report {
        let clock = RunClock()
        let recorder = try Recorder(directory: options.directory, clock: clock)
        let (kinds, impossible) = await possibleKinds()
        for (kind, why) in impossible.sorted(by: { $0.key < $1.key }) { say("Without \(kind): \(why).") }
        say("Starting a fleet of \(options.nodes) nodes in \(options.directory) …")
        let fleet = try await ChaosFleet.prepare(try settings(kinds), http: http)
        let result: Result<[String: Int], any Error>
        do { result = .success(try await exercise(fleet, recorder, kinds)) } catch { result = .failure(error) }
        // Not cancelled with the run: nothing is to be left over.
        let stubborn = await Task { await fleet.stopProcesses() }.value
        let compared: Result<Void, any Error>
        do { compared = .success(try await compare(fleet, recorder, after: result)) } catch { compared = .failure(error) }
        await Task { await fleet.stopSurroundings() }.value
        try recorder.flush()
        try compared.get()
        let notDone = try result.get()
        try Task.checkCancellation()
        say("Checking …")
        let verdict = Checker.check(recorder.historySoFar, faults: recorder.faults, rules: options.rules)
        let tally = Report.tally(recorder.faults)
        let report = Report(
            command: options.command, seed: options.seed, seconds: Double(clock.now().microseconds) / 1e6, rules: options.rules,
            faults: tally.kinds, totals: tally.totals,
            notDone: notDone.merging(impossible.map { ("\($0.key): \($0.value)", 1) }) { $0 + $1 },
            outcomes: recorder.outcomes, connections: fleet.network.connections, stubborn: stubborn, verdict: verdict)
        try report.write(to: options.directory)
        if verdict.isClean && !options.keep { removeData() }
        return report
    }

    /// - Returns: faults that were planned and had nothing to hit.
    private func exercise(_ fleet: ChaosFleet, _ recorder: Recorder, _ kinds: [FaultKind]) async throws -> [String: Int] {
        let store = try FleetStoreReader(fleet)
        try await store.beginAudit()
        try await fleet.start()
        let databases = Databases.plan(options.databases, engines: options.engines, durabilities: options.durabilities)
        try await Databases.make(databases, on: fleet, recorder)
        let workload = Workload(
            Workload.Settings(
                databases: databases, clients: options.clients, pace: .milliseconds(options.paceMs), seed: options.seed),
            fleet: fleet, recorder: recorder)
        workload.start()
        do {
            let notDone = try await disturb(fleet, recorder, workload, kinds)
            await workload.stop()
            say("Reading back …")
            try await ReadBack(fleet: fleet, workload: workload, recorder: recorder).run()
            for event in try await store.audit(recorder.clock) { recorder.record(event) }
            await store.close()
            return notDone
        } catch {
            await workload.stop()
            await store.close()
            throw error
        }
    }

    private func compare(_ fleet: ChaosFleet, _ recorder: Recorder, after result: Result<[String: Int], any Error>) async throws {
        guard case .success = result, !Task.isCancelled else { return }
        say("Comparing copies …")
        try await CopyComparison(fleet: fleet, recorder: recorder).run()
    }

    private func disturb(
        _ fleet: ChaosFleet, _ recorder: Recorder, _ workload: Workload, _ kinds: [FaultKind]
    ) async throws -> [String: Int] {
        var planning = FaultPlan.Settings(
            seed: options.seed, length: options.length, kinds: kinds, leaseTTL: .milliseconds(options.ttlMs),
            meanGap: .milliseconds(options.gapMs))
        planning.atOnce = options.atOnce
        let plan = FaultPlan(planning, for: options.topology)
        say("\(plan.faults.count) faults in \(options.minutes) min, seed \(options.seed) …")
        let injector = FaultInjector(
            fleet, recorder: recorder, databases: workload.settings.databases.map(\.name), log: { say($0) })
        await injector.run(plan)
        try Task.checkCancellation()
        // A start that failed is a fault of its own, in the log; what follows needs Postgres.
        try await injector.startPostgres()
        say("Healing …")
        await Healing(fleet: fleet, workload: workload, recorder: recorder).run()
        try Task.checkCancellation()
        return injector.notDone
    }

    /// Those of the kinds asked for that this machine allows; the others with the reason.
    private func possibleKinds() async -> ([FaultKind], impossible: [String: String]) {
        var impossible: [String: String] = [:]
        for kind in options.kinds {
            switch kind {
            case .diskFull where !SmallDisk.isPossible: impossible[kind.rawValue] = "only root can mount a small disk"
            case .clockStep where !(await SteppedClock.isPossible(in: options.directory)):
                impossible[kind.rawValue] = "no time namespace can be made here"
            case .fileFull, .fileError, .descriptorsOut, .memoryOut:
                if FileFaults.library == nil {
                    impossible[kind.rawValue] = "libBerthFileFaults.so is not beside this program; build product BerthFileFaults"
                }
            case .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply:
                if options.bucketKind == "directory" { impossible[kind.rawValue] = "a directory cannot; take --bucket-kind s3" }
            case .gatewayKill where options.gateways == 0: impossible[kind.rawValue] = "there is no gateway"
            default: break
            }
        }
        return (options.kinds.filter { impossible[$0.rawValue] == nil }, impossible)
    }

    private func settings(_ kinds: [FaultKind]) throws -> FleetSettings {
        FleetSettings(
            program: kinds.contains(.programReplaced) ? "\(options.directory)/berth" : program, directory: options.directory, topology: options.topology, leaseTTL: .milliseconds(options.ttlMs),
            shipInterval: .milliseconds(options.shipIntervalMs), maxShipLag: .milliseconds(options.maxShipLagMs),
            bucket: FleetSettings.BucketKind(rawValue: options.bucketKind) ?? .s3, hasSmallDisks: kinds.contains(.diskFull),
            fileFaultLibrary: kinds.contains { $0.tally == .fileFaults } ? FileFaults.library : nil,
            logLevel: options.logLevel, seed: options.seed)
    }

    /// An earlier run's is replaced; anything else is left alone.
    private func makeDirectory() throws {
        let files = FileManager.default, directory = options.directory
        let names = (try? files.contentsOfDirectory(atPath: directory)) ?? []
        if !names.isEmpty {
            guard names.contains("faults.jsonl") else {
                throw ChaosError("\(directory) holds something else. Name another directory with --dir, or empty this one.")
            }
            try files.removeItem(atPath: directory)
        }
        try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func removeData() {
        for name in ["data", "postgres", "socket", "bucket", "berth"] {
            try? FileManager.default.removeItem(atPath: "\(options.directory)/\(name)")
        }
    }

    private func say(_ text: String) { Console.say(text) }
}
