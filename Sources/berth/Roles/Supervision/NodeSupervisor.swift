import FleetModel
import Foundation
import Leases
import LocalFleet
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps one worker process running, and ends its session as soon as it was reaped: rule 3, "by the supervisor".
final class NodeSupervisor: Service {
    private let node: NodeName
    private let arguments: [String]
    private let lock: DataDirectoryLock
    private let leases: any LeaseStore
    private let logger: Logger
    private let clock = BootClock()
    private let worker = Mutex<ChildProcess?>(nil)

    /// A worker that lived at least this long is started again at once.
    private static let healthyLife: Duration = .seconds(10)
    private static let restartDelay: ClosedRange<Duration> = .milliseconds(200)...(.seconds(5))
    /// A worker that does not stop by itself within this time is killed.
    private static let stopTimeout: Duration = .seconds(40)

    init(node: NodeName, arguments: [String], lock: DataDirectoryLock, leases: any LeaseStore, logger: Logger) {
        self.node = node
        self.arguments = arguments
        self.lock = lock
        self.leases = leases
        self.logger = logger
    }

    func run() async throws {
        var delay = Duration.zero
        await withDiscardingTaskGroup { group in
            while !Task.isShuttingDownGracefully {
                let session = SessionID.random()
                let started = clock.now()
                do throws(BerthError) {
                    let code = try await runWorker(session)
                    logger.notice("worker ended", metadata: ["session": "\(session)", "code": "\(code)"])
                } catch {
                    logger.error("worker could not be started", metadata: ["error": "\(error)"])
                }
                // Beside the restart: a store that does not answer must not keep the node down.
                group.addTask { await self.end(session) }
                if Task.isShuttingDownGracefully { break }
                let isHealthy = clock.now() - started >= Self.healthyLife
                delay = isHealthy || delay == .zero ? Self.restartDelay.lowerBound : min(delay * 2, Self.restartDelay.upperBound)
                let pause = isHealthy ? .zero : delay
                await cancelWhenGracefulShutdown { try? await self.clock.sleep(for: pause) }
            }
        }
    }

    /// Runs one life of the worker, from start until it is reaped.
    ///
    /// - Returns: its exit code.
    private func runWorker(_ session: SessionID) async throws(BerthError) -> Int32 {
        let executable = try SelfExecutable.path()
        let child = try await ChildProcess.start(
            [executable, "node", "worker", "--session", "\(session)"] + arguments,
            environment: ProcessInfo.processInfo.environment, output: nil, keeping: [lock.descriptor], hasLifeline: true)
        worker.withLock { $0 = child }
        lock.record(worker: child.pid)
        logger.notice("worker started", metadata: ["pid": "\(child.pid)", "session": "\(session)"])
        let code = await withGracefulShutdownHandler {
            await child.exitCode()
        } onGracefulShutdown: {
            child.signal(SIGTERM)
            Task {
                try await self.clock.sleep(for: Self.stopTimeout)
                child.signal(SIGKILL)
            }
        }
        worker.withLock { $0 = nil }
        lock.record(worker: nil)
        return code
    }

    /// Ends the session of a worker that is dead, however long the store takes to answer. Another supervisor could not:
    /// it did not reap the process.
    private func end(_ session: SessionID) async {
        var attempts = 0
        while true {
            do throws(LeaseStoreError) {
                try await leases.endOwnSession(session, node: node, reason: "worker ended")
                return
            } catch {
                attempts += 1
                logger.warning("session not ended yet", metadata: ["session": "\(session)", "error": "\(error)"])
                // While stopping there is no time to wait for a store that is gone: the session runs out by itself.
                if Task.isShuttingDownGracefully && attempts >= 3 { return }
                do { try await clock.sleep(for: .milliseconds(200)) } catch { return }
            }
        }
    }
}

enum SelfExecutable {
    /// The file of the running program.
    ///
    /// - Throws: `configuration_invalid`.
    static func path() throws(BerthError) -> String {
        do { return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") } catch {
            throw BerthError(.configurationInvalid, "The program cannot find its own file: \(error.localizedDescription)")
        }
    }
}
