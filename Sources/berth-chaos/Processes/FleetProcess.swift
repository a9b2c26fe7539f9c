import Foundation
import Glibc
import LocalFleet
import Synchronization

/// A server of the fleet that is started again whenever it ends, as a service manager does, until it is stopped or kept
/// down.
final class FleetProcess: Sendable {
    private struct State {
        var child: ChildProcess?
        /// Words before the command, for instance of `unshare`.
        var prefix: [String] = []
        /// Those who want it to stay down for a while.
        var keptDown = 0
        var isStopping = false
        var starts = 0
    }

    let name: String
    /// The file its output is appended to.
    let log: String
    private let command: [String]
    private let environment: [String: String]
    private let state = Mutex(State())

    private static let restartDelay: Duration = .milliseconds(100)

    init(name: String, command: [String], environment: [String: String], log: String) {
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
    }

    /// Runs until ``stop(patience:)``, or until the task is cancelled.
    func run() async {
        while !state.withLock({ $0.isStopping }), !Task.isCancelled {
            let prefix = state.withLock { $0.keptDown == 0 ? $0.prefix : nil }
            if let prefix,
                let child = try? await ChildProcess.start(
                    prefix + command, environment: environment, output: log, hasLifeline: true)
            {
                let isStopping = state.withLock { state in
                    state.child = child
                    state.starts += 1
                    return state.isStopping
                }
                if isStopping { child.signal(SIGTERM) }
                _ = await child.exitCode()
            }
            try? await Task.sleep(for: Self.restartDelay)
        }
    }

    /// The process's number while it runs.
    var pid: Int32? { state.withLock { state in state.child.flatMap { $0.isRunning ? $0.pid : nil } } }
    var starts: Int { state.withLock { $0.starts } }

    /// Sends a signal, if it runs.
    ///
    /// - Returns: the number of the process, or `nil` when there is none.
    @discardableResult
    func signal(_ number: Int32) -> Int32? {
        guard let child = state.withLock({ $0.child }), child.isRunning else { return nil }
        child.signal(number)
        return child.pid
    }

    /// Does not start it again before `body` has ended.
    func whileDown<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        state.withLock { $0.keptDown += 1 }
        defer { state.withLock { $0.keptDown -= 1 } }
        return try await body()
    }

    /// Words that come before the command from the next start on.
    func setPrefix(_ prefix: [String]) { state.withLock { $0.prefix = prefix } }

    /// Waits until it does not run.
    func waitUntilDown(within patience: Duration) async throws {
        try await eventually("\(name) is down", within: patience) { pid == nil ? true : nil }
    }

    /// Asks it to stop, waits, and kills it when it takes longer than `patience`.
    ///
    /// - Returns: whether it stopped by itself.
    @discardableResult
    func stop(patience: Duration) async -> Bool {
        let child = state.withLock { state in
            state.isStopping = true
            return state.child
        }
        guard let child, child.isRunning else { return true }
        child.signal(SIGTERM)
        let impatience = Task {
            try await Task.sleep(for: patience)
            child.signal(SIGKILL)
        }
        defer { impatience.cancel() }
        return await child.exitCode() != 128 + SIGKILL
    }
}
