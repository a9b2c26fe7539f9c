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
    private let starts: Mutex<WorkerStarts>
    /// Signalled with `failure` set.
    private let givingUp = Wakeup()
    private let failure = Mutex<BerthError?>(nil)
    private let logger: Logger
    private let clock = BootClock()
    private let worker = Mutex<ChildProcess?>(nil)
    /// The worker did not stop in time.
    private let wasKilled = Mutex(false)

    /// A worker that lived at least this long is started again at once.
    private static let healthyLife: Duration = .seconds(10)
    private static let restartDelay: ClosedRange<Duration> = .milliseconds(200)...(.seconds(5))
    /// A worker that does not stop by itself within this time is killed.
    private let stopTimeout: Duration
    /// What a worker may need beyond the time in which it publishes: to end sessions, threads and connections.
    private static let stopAllowance: Duration = .seconds(20)

    /// - Parameters:
    ///   - startAttempts: how often in a row a worker may end before it has begun to work.
    ///   - shutdownTimeout: how long a stopping worker tries to publish what it has.
    init(
        node: NodeName, arguments: [String], lock: DataDirectoryLock, leases: any LeaseStore, startAttempts: Int,
        shutdownTimeout: Duration, logger: Logger
    ) {
        self.node = node
        self.arguments = arguments
        self.lock = lock
        self.leases = leases
        self.starts = Mutex(WorkerStarts(limit: startAttempts))
        self.stopTimeout = shutdownTimeout + Self.stopAllowance
        self.logger = logger
    }

    /// Runs workers until a graceful shutdown.
    ///
    /// - Throws: `worker_not_started`; `unpublished_commits` when the worker stopped with commits that are on its disk alone.
    func run() async throws {
        var delay = Duration.zero
        // Left to run out by the supervisor before, or it died as well; its worker is dead, as the lock shows.
        let left = lock.formerSession()
        await withDiscardingTaskGroup { group in
            if let left { group.addTask { await self.end(left) } }
            while !Task.isShuttingDownGracefully, failure.withLock({ $0 == nil }) {
                let session = SessionID.random()
                let started = clock.now()
                lock.record(DataDirectoryLock.FormerSession(id: session))
                do throws(BerthError) {
                    let code = try await runWorker(session)
                    logger.notice("worker ended", metadata: ["session": "\(session)", "code": "\(code)"])
                    if Task.isShuttingDownGracefully && keepsCommits(code) {
                        // Rule 8: its session is left to run out.
                        lock.record(DataDirectoryLock.FormerSession(id: session, keptCommits: true))
                        failure.withLock { $0 = Self.keptCommits }
                        break
                    }
                    // Beside the restart: a store that does not answer must not keep the node down.
                    group.addTask { await self.end(session, of: code) }
                } catch {
                    logger.error("worker could not be started", metadata: ["error": "\(error)"])
                    note(.notStarted(error))
                }
                if Task.isShuttingDownGracefully { break }
                let isHealthy = clock.now() - started >= Self.healthyLife
                delay = isHealthy || delay == .zero ? Self.restartDelay.lowerBound : min(delay * 2, Self.restartDelay.upperBound)
                let pause = isHealthy ? .zero : delay
                await cancelWhenGracefulShutdown { await self.givingUp.wait(until: self.clock.now() + pause, clock: self.clock) }
            }
            // A stop waits for the last word on a worker that died meanwhile; who gives up has said his of every worker that worked.
            if failure.withLock({ $0?.code == .workerNotStarted }) { group.cancelAll() }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Runs one life of the worker, from start until it is reaped.
    ///
    /// - Returns: its exit code.
    private func runWorker(_ session: SessionID) async throws(BerthError) -> Int32 {
        let child = try await OwnProgram.start(
            ["node", "worker", "--session", "\(session)"] + arguments, keeping: [lock.descriptor])
        worker.withLock { $0 = child }
        lock.record(worker: child.pid)
        logger.notice("worker started", metadata: ["pid": "\(child.pid)", "session": "\(session)"])
        let code = await withGracefulShutdownHandler {
            await child.exitCode()
        } onGracefulShutdown: {
            child.signal(SIGTERM)
            Task {
                try await self.clock.sleep(for: self.stopTimeout)
                self.wasKilled.withLock { $0 = true }
                child.signal(SIGKILL)
            }
        }
        worker.withLock { $0 = nil }
        lock.record(worker: nil)
        return code
    }

    /// Whether a stopped worker that ended with this code may have left commits that are not in the bucket: it said so, or it took so long that it
    /// was killed.
    private func keepsCommits(_ code: Int32) -> Bool { code == CLIExit.unpublished.rawValue || code == 128 + SIGKILL && wasKilled.withLock { $0 } }

    private static let keptCommits = BerthError(
        .unpublishedCommits,
        "The node stopped with commits that are on its disk and not in the bucket, see its log. They are kept; start it again as soon as the bucket "
            + "and the lease store answer, before another node takes over. To give them up, run it with --force and stop it.")

    /// Ends the session that the supervisor before left behind. One that kept commits is ended only once this node has another: as soon as its
    /// databases are free, whoever comes first takes them, and what it kept is on this disk alone.
    private func end(_ left: DataDirectoryLock.FormerSession) async {
        while left.keptCommits {
            let live = (try? await leases.liveSessions()) ?? []
            if live.contains(where: { $0.node == node && $0.role == .node && $0.id != left.id }) { break }
            do { try await clock.sleep(for: Self.returnPoll) } catch { return }
            if Task.isShuttingDownGracefully { return }
        }
        await end(left.id, of: nil)
    }

    private static let returnPoll: Duration = .milliseconds(50)

    /// Ends the session of a worker that is dead, however long the store takes to answer. Another supervisor could not:
    /// it did not reap the process.
    ///
    /// - Parameter code: what the worker ended with; `nil` for one of a former supervisor.
    private func end(_ session: SessionID, of code: Int32?) async {
        var attempts = 0
        while true {
            do throws(LeaseStoreError) {
                let hadBegun = try await leases.endOwnSession(session, node: node, reason: "worker ended")
                guard let code else { return }
                note(hadBegun || code == CLIExit.unavailable.rawValue ? nil : .ended(code: code))
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

    /// Counts how a start went; `nil` when it was none that failed.
    private func note(_ failed: WorkerStarts.Failure?) {
        guard !Task.isShuttingDownGracefully else { return }
        let last = starts.withLock { starts -> BerthError? in
            guard let failed else {
                starts.succeeded()
                return nil
            }
            return starts.failed(failed)
        }
        guard let last else { return }
        failure.withLock { $0 = last }
        givingUp.signal()
    }
}
