import FleetModel
import Foundation
import LocalFleet
import Logging
import Synchronization

/// A child process of `berth dev` that is started again whenever it ends, until it is stopped.
final class RestartingChild: Sendable {
    private struct State {
        var child: ChildProcess?
        var isStopping = false
        var onStart: (@Sendable (Int32) -> Void)?
    }

    private let command: [String]
    private let output: String
    let name: String
    private let logger: Logger
    private let clock = BootClock()
    private let state = Mutex(State())
    private let stopping = Wakeup()
    private static let restartDelay: Duration = .seconds(1)

    init(command: [String], output: String, name: String, logger: Logger) {
        self.command = command
        self.output = output
        self.name = name
        self.logger = logger
    }

    func onStart(_ body: @escaping @Sendable (Int32) -> Void) { state.withLock { $0.onStart = body } }

    func run() async {
        while !state.withLock({ $0.isStopping }) {
            do throws(BerthError) {
                let child = try await OwnProgram.start(command, output: output)
                let (onStart, isStopping) = state.withLock { state in
                    state.child = child
                    return (state.onStart, state.isStopping)
                }
                onStart?(child.pid)
                if isStopping { child.signal(SIGTERM) }
                let code = await child.exitCode()
                guard !state.withLock({ $0.isStopping }) else { return }
                logger.warning("\(name) ended and is started again", metadata: ["code": "\(code)", "log": "\(output)"])
            } catch {
                logger.error("\(name) could not be started", metadata: ["error": "\(error)"])
            }
            await stopping.wait(until: clock.now() + Self.restartDelay, clock: clock)
        }
    }

    /// Asks the process to stop and waits until it has.
    ///
    /// - Returns: its exit code; `nil` when none was ever started.
    @discardableResult
    func stop() async -> Int32? {
        let child = state.withLock { state in
            state.isStopping = true
            return state.child
        }
        stopping.signal()
        guard let child else { return nil }
        child.signal(SIGTERM)
        return await child.exitCode()
    }
}
