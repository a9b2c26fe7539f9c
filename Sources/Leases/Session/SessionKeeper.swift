public import FleetModel
public import Logging

/// Keeps one session alive (rule 1) and its gate in step with it.
public struct SessionKeeper: Sendable {
    public let session: NewSession
    public let gate: SessionGate
    private let store: any LeaseStore
    private let clock: any FleetClock
    private let thread: RenewalThread?
    private let random: RandomSource
    private let logger: Logger

    /// - Parameters:
    ///   - store: on a connection of its own, so that no batch delays a renewal.
    ///   - thread: where it renews, whose clock must be the one of `clock`; without one among the process's other tasks.
    public init(
        session: NewSession, store: any LeaseStore, clock: any FleetClock, thread: RenewalThread? = nil,
        random: RandomSource = .system, logger: Logger
    ) {
        self.session = session
        self.gate = SessionGate(clock: clock)
        self.thread = thread
        self.store = store
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// What observers go by, too.
    private var timing: LeaseTiming { session.timing }

    /// Opens the session and then its gate.
    public func open() async throws(LeaseStoreError) {
        let sent = clock.now()
        try await store.openSession(session)
        gate.renewed(sentAt: sent, timing: timing)
    }

    /// Renews until cancelled or refused.
    ///
    /// A store that does not answer closes the gate by the passing of its deadline and nothing else: the first renewal
    /// that succeeds opens it again. A refusal is final.
    ///
    /// - Returns: why the session is lost; `nil` after a cancellation.
    public func run() async -> Renewal.Refusal? {
        guard let thread else { return await renew(by: clock) }
        return await withTaskExecutorPreference(thread) { await renew(by: thread.clock) }
    }

    private func renew(by clock: any FleetClock) async -> Renewal.Refusal? {
        var failing = false
        while !gate.isClosedForGood {
            // After a failure sooner, because the deadline is nearing.
            let interval = failing ? timing.renewalInterval / 4 : timing.renewalInterval
            let jitter = interval * random.fraction(in: 0...0.1)
            do { try await clock.sleep(for: interval - jitter) } catch { return nil }

            let sent = clock.now()
            do throws(LeaseStoreError) {
                switch try await store.renew(session.id) {
                case .renewed:
                    gate.renewed(sentAt: sent, timing: timing)
                    if failing { logger.notice("session renewed again") }
                    failing = false
                case .refused(let refusal):
                    gate.closeForGood()
                    (refusal == .generationChanged ? RareBranch.generationRefused : .renewalRefused).marked()
                    logger.error("session lost", metadata: ["reason": "\(refusal)"])
                    return refusal
                }
            } catch {
                if !failing { logger.warning("renewal failed", metadata: ["error": "\(error)"]) }
                failing = true
            }
        }
        return nil
    }

    /// Ends the session, as its owner: the gate first.
    public func end(reason: String) async throws(LeaseStoreError) {
        gate.closeForGood()
        invariant(!gate.isOpen, "a session ends with its gate open")
        try await store.endOwnSession(session.id, node: session.node, reason: reason)
    }
}
