import FleetModel
import FleetStore
import Logging
import Metrics
import Synchronization

/// Carries out open operations, all at the same time. Each is resumed from its row by whichever manager leads.
struct OperationRunner {
    let manager: FleetManager
    let term: ManagerTerm
    private static let pollInterval: Duration = .seconds(1)
    private static let openLimit = 1_000

    init(manager: FleetManager, term: ManagerTerm) {
        self.manager = manager
        self.term = term
    }

    func run() async {
        let signals = ProgressSignals()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signals.follow(manager.hints()) }
            group.addTask { await start(signals) }
        }
    }

    /// Starts a task for every open operation that has none yet.
    private func start(_ signals: ProgressSignals) async {
        let wakeup = signals.subscribe()
        let running = RunningOperations()
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                do {
                    for record in try await manager.catalogue.operations(openOnly: true, before: nil, limit: Self.openLimit)
                    where running.begin(record.id) {
                        group.addTask {
                            await carryOut(record, signals)
                            running.end(record.id)
                        }
                    }
                } catch {
                    manager.logger.warning("operations could not be read", metadata: ["error": "\(error)"])
                }
                await wakeup.wait(until: manager.clock.now() + Self.pollInterval, clock: manager.clock)
            }
            group.cancelAll()
        }
        signals.unsubscribe(wakeup)
    }

    private func carryOut(_ record: OperationRecord, _ signals: ProgressSignals) async {
        let started = manager.clock.now()
        let logger = manager.logger
        let context = OperationContext(manager: manager, term: term, record: record, signals: signals)
        logger.info("operation begins", metadata: ["operation": "\(record.id)", "kind": "\(record.kind.rawValue)"])
        do {
            switch record.kind {
            case .move: try await MoveOperation(context: context).run()
            case .failover: try await FailoverOperation(context: context).run()
            case .drain: try await DrainOperation(context: context).run()
            }
        } catch is CancellationError {
            // This manager does not lead any more; the next one resumes the operation.
            return
        } catch let error as BerthError where error.code == .storeUnavailable || error.code == .outcomeUnknown {
            logger.warning("operation interrupted", metadata: ["operation": "\(record.id)", "error": "\(error)"])
            return
        } catch {
            let failure = error as? BerthError ?? BerthError(.internalError, "\(error)")
            logger.warning("operation failed", metadata: ["operation": "\(record.id)", "error": "\(failure)"])
            await context.finish(.failed, error: failure)
        }
        Counter(label: "berth_operations_total", dimensions: [("kind", record.kind.rawValue)]).increment()
        logger.info(
            "operation ends",
            metadata: ["operation": "\(record.id)", "ms": "\((manager.clock.now() - started).milliseconds)"])
    }
}

/// Which operations have a task already.
private final class RunningOperations: Sendable {
    private let ids = Mutex<Set<OperationID>>([])

    /// - Returns: whether it was not running before.
    func begin(_ id: OperationID) -> Bool { ids.withLock { $0.insert(id).inserted } }
    func end(_ id: OperationID) {
        let wasRunning = ids.withLock { $0.remove(id) != nil }
        invariant(wasRunning, "an operation ended twice")
    }
}
