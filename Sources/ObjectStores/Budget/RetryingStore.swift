import FleetModel
public import Logging
public import Metrics
import Synchronization

/// A store within the node's request budget: bounded concurrency, retries with full jitter and a circuit breaker.
///
/// One for the whole node, however many databases it serves. While the circuit is open every call fails at once with
/// `unavailable`.
///
/// A conditional put whose answer was lost may find its own object on the next attempt. The object is then read:
/// if it holds the same bytes, the put succeeded. Contents that compete under a condition must therefore differ, which
/// those of Berth do.
public final class RetryingStore: ObjectStore {
    private let store: any ObjectStore
    private let budget: RequestBudget
    private let timing: RetryTiming
    private let slots: RequestSlots
    private let breaker: Mutex<CircuitBreaker>
    private let metrics: StoreMetrics
    private let logger: Logger

    public init(
        _ store: any ObjectStore,
        budget: RequestBudget = RequestBudget(),
        timing: RetryTiming = .system,
        metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger = Logger(label: "berth.object-store")
    ) {
        self.store = store
        self.budget = budget
        self.timing = timing
        self.slots = RequestSlots(budget.concurrentRequests)
        self.breaker = Mutex(CircuitBreaker(
            failureThreshold: budget.circuitFailureThreshold, openDuration: budget.circuitOpenDuration))
        self.metrics = StoreMetrics(metrics)
        self.logger = logger
    }

    @discardableResult
    public func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        try await put(name, contents: ObjectContents(bytes), condition: condition)
    }

    @discardableResult
    public func put(_ name: String, contents: ObjectContents, condition: PutCondition) async throws -> ObjectVersion {
        var mayBeStored = false
        do {
            return try await retrying(.put, onRetry: { mayBeStored = true }) { store in
                try await store.put(name, contents: contents, condition: condition)
            }
        } catch ObjectStoreError.preconditionFailed where mayBeStored {
            // The version first: if the object is replaced in between, the version is of no use, not wrong.
            let info = try await head(name)
            guard let version = info?.version, try await isStored(name, contents) else {
                throw ObjectStoreError.preconditionFailed(name: name)
            }
            return version
        }
    }

    public func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        try await retrying(.get) { try await $0.get(name, range: range) }
    }

    public func head(_ name: String) async throws -> ObjectInfo? {
        try await retrying(.head) { try await $0.head(name) }
    }

    public func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try await retrying(.list) { try await $0.list(prefix: prefix, after: after, limit: limit) }
    }

    public func delete(_ names: [String]) async throws {
        guard !names.isEmpty else { return }
        try await retrying(.delete) { try await $0.delete(names) }
    }

    public func shutdown() async throws {
        try await store.shutdown()
    }

    private func isStored(_ name: String, _ contents: ObjectContents) async throws -> Bool {
        do {
            return try await holds(name, contents)
        } catch ObjectStoreError.notFound {
            return false
        }
    }

    private func retrying<Result: Sendable>(
        _ operation: StoreOperation,
        onRetry: () -> Void = {},
        _ request: @Sendable (any ObjectStore) async throws -> Result
    ) async throws -> Result {
        for attempt in 1... {
            try await slots.acquire()
            let ticket: CircuitBreaker.Ticket, now = timing.now()
            switch breaker.withLock({ $0.admit(at: now) }) {
            case .admitted(let admitted):
                ticket = admitted
            case .refused:
                slots.release()
                metrics.count(operation, "refused")
                throw ObjectStoreError.unavailable(
                    reason: "it did not answer several times in a row and is given a pause", retryable: true)
            }
            do {
                let result = try await attemptOnce(operation, ticket, request)
                slots.release()
                return result
            } catch {
                slots.release()
                guard let failure = error as? ObjectStoreError, failure.isRetryable, attempt < budget.attempts else {
                    throw error
                }
                onRetry()
                try await timing.sleep(budget.delayCeiling(afterAttempt: attempt) * timing.random())
            }
        }
        brokenInvariant("an endless loop has ended")
    }

    private func attemptOnce<Result: Sendable>(
        _ operation: StoreOperation, _ ticket: CircuitBreaker.Ticket,
        _ request: @Sendable (any ObjectStore) async throws -> Result
    ) async throws -> Result {
        let start = timing.now()
        do {
            let result = try await request(store)
            finish(operation, ticket, since: start, .answered, "ok")
            return result
        } catch {
            finish(operation, ticket, since: start, Self.outcome(error), StoreMetrics.result(error))
            throw error
        }
    }

    /// A short body or a refusal is an answer; only a store that does not answer properly opens the circuit.
    private static func outcome(_ error: any Error) -> CircuitBreaker.Outcome {
        if error is CancellationError { return .abandoned }
        guard let failure = error as? ObjectStoreError else { return .failed }
        if case .unavailable(_, retryable: true) = failure { return .failed }
        return .answered
    }

    private func finish(
        _ operation: StoreOperation, _ ticket: CircuitBreaker.Ticket, since start: Duration,
        _ outcome: CircuitBreaker.Outcome, _ result: String
    ) {
        let now = timing.now()
        metrics.time(operation, now - start)
        metrics.count(operation, result)
        let (wasOpen, isOpen) = breaker.withLock { breaker in
            let wasOpen = breaker.isOpen
            breaker.record(outcome, of: ticket, at: now)
            // Set under the lock, so that the last change is the one that stays.
            metrics.circuit.set(breaker.isOpen ? 1 : 0)
            return (wasOpen, breaker.isOpen)
        }
        if isOpen, !wasOpen {
            RareBranch.circuitOpened.marked()
            logger.warning("the bucket does not answer; requests are held back", metadata: ["result": "\(result)"])
        } else if wasOpen, !isOpen {
            logger.notice("the bucket answers again")
        }
    }
}
