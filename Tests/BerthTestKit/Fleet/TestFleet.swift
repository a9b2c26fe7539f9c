import Foundation
import Glibc
import LocalFleet
import Synchronization

/// A whole fleet of real processes, started by `berth dev` in a directory of its own.
///
/// Nothing of it outlives ``stop()``, nor the test process, however that ends.
public final class TestFleet: Sendable {
    private struct State {
        var program: SupervisedProgram
        var pauses: [String: Pause] = [:]
    }

    public let directory: String
    let options: FleetOptions
    private let state: Mutex<State>

    private static let startPatience: Duration = .seconds(120)
    private static let stopPatience: Duration = .seconds(90)

    private init(directory: String, options: FleetOptions, program: SupervisedProgram) {
        self.directory = directory
        self.options = options
        self.state = Mutex(State(program: program))
    }

    /// Starts a fleet and waits until all of it answers.
    public static func start(_ options: FleetOptions = FleetOptions()) async throws -> TestFleet {
        TestDirectory.removeThoseOfDeadProcesses()
        let directory = try TestDirectory.make()
        let fleet = TestFleet(
            directory: directory, options: options, program: try await launch(in: directory, options))
        try await fleet.waitUntilRunning()
        return fleet
    }

    /// Starts the fleet again after ``stopProcesses()``, on the same directory.
    public func startAgain() async throws {
        let program = try await Self.launch(in: directory, options)
        state.withLock { $0.program = program }
        try await waitUntilRunning()
    }

    /// Stops everything in order and removes the directory.
    public func stop() async {
        await stopProcesses()
        guard ProcessInfo.processInfo.environment["BERTH_TEST_KEEP"] == nil else { return }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Stops everything in order, as Ctrl-C does, and keeps the directory.
    ///
    /// - Returns: the exit code of `berth dev`.
    @discardableResult
    public func stopProcesses() async -> Int32 {
        // Paused processes could not be stopped: their guardians let them go on.
        state.withLock { $0.pauses = [:] }
        return await state.withLock { $0.program }.stop(patience: Self.stopPatience)
    }

    /// Kills `berth dev` itself, and waits until everything it had started has ended.
    public func killProcesses() async throws {
        let program = state.withLock { $0.program }
        program.kill()
        _ = await program.exitCode()
        try await eventually("all processes have ended", within: Self.stopPatience) { survivors().isEmpty ? () : nil }
    }

    /// What `dev.json` says now.
    public func description() throws -> FleetDescription { try FleetDescription(file: "\(directory)/dev.json") }

    /// What `berth dev` printed.
    public var printed: String { state.withLock { $0.program }.printed }

    /// The log of a process, by its name.
    public func log(of process: String) -> String {
        (try? String(contentsOfFile: "\(directory)/\(process).log", encoding: .utf8)) ?? ""
    }

    /// A libpq connection string to the fleet's Postgres.
    public var postgres: String { "host='\(directory)/postgres-socket' port=5432 user=\(PrivatePostgres.user) dbname=postgres" }

    /// Where the fleet keeps its bundles, unless it was given another bucket.
    public var bucket: String { options.bucket ?? "\(directory)/bucket" }

    /// Runs the command-line program against this fleet.
    public func berth(_ arguments: String..., patience: Duration = .seconds(60)) async throws -> ProgramRun {
        try await ProgramRun.of(
            [try BerthBinary.path()] + arguments, environment: ["BERTH_DIR": directory], patience: patience)
    }

    func keep(_ pause: Pause, as name: String) { state.withLock { $0.pauses[name] = pause } }
    func endPause(_ name: String) -> Pause? { state.withLock { $0.pauses.removeValue(forKey: name) } }

    private static func launch(in directory: String, _ options: FleetOptions) async throws -> SupervisedProgram {
        unlink("\(directory)/dev.json")
        var command = [try BerthBinary.path(), "dev", "--dir", directory] + options.arguments
        if !options.settings.isEmpty {
            let file = "\(directory)/settings.json"
            try JSONEncoder().encode(options.settings).write(to: URL(fileURLWithPath: file))
            command += ["--config", file]
        }
        return try await SupervisedProgram.start(command, environment: options.environment, output: "\(directory)/dev.log")
    }

    private func waitUntilRunning() async throws {
        let program = state.withLock { $0.program }
        do {
            try await eventually("the fleet in \(directory) is running", within: Self.startPatience) { () -> Void? in
                guard program.isRunning else { return () }
                return try description().nodes.allSatisfy { $0.pid != 0 && $0.supervisorPID != 0 } ? () : nil
            }
            guard program.isRunning else { throw TookTooLong(description: "berth dev ended: \(printed)") }
        } catch {
            await stop()
            throw error
        }
    }
}
