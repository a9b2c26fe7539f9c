import BerthTestKit
import FleetModel
import Leases
import Synchronization

/// An in-memory store whose replies to renewals a test delays, loses or replaces.
///
/// It moves the clock itself while a reply is under way, so that nothing depends on who runs when.
final class ScriptedLeaseStore: LeaseStore {
    /// What happens to one renewal.
    struct Reply: Sendable {
        enum Kind: Sendable {
            /// Carried out and answered.
            case answered
            /// Carried out; its reply never comes.
            case lost
            /// Not carried out: the store is not reached.
            case unreached
        }
        var kind = Kind.answered
        /// How long the caller waits.
        var delay: Duration = .zero
        /// Runs after the store has carried the renewal out, before the caller learns of it.
        var meanwhile: @Sendable () async -> Void = {}

        static let prompt = Reply()
        static func late(_ delay: Duration) -> Reply { Reply(delay: delay) }
        static func lost(after delay: Duration) -> Reply { Reply(kind: .lost, delay: delay) }
        static func unreached(after delay: Duration = .zero) -> Reply { Reply(kind: .unreached, delay: delay) }
    }

    private struct State {
        var replies: [Reply] = []
        var sent: [Duration] = []
        var openingDelay: Duration = .zero
        var endFails = false
        var onEnd: @Sendable () -> Void = {}
    }

    let inner = InMemoryLeaseStore()
    private let clock: ManualClock
    private let state = Mutex(State())

    init(clock: ManualClock) { self.clock = clock }

    /// The replies to the next renewals; to those after them replies are prompt.
    func script(_ replies: Reply...) { state.withLock { $0.replies += replies } }
    func delayOpening(by delay: Duration) { state.withLock { $0.openingDelay = delay } }
    /// - Parameter onEnd: runs when the owner's end arrives.
    func scriptEnd(fails: Bool = false, _ onEnd: @escaping @Sendable () -> Void) {
        state.withLock { ($0.endFails, $0.onEnd) = (fails, onEnd) }
    }
    /// When each renewal was sent.
    var sent: [Duration] { state.withLock { $0.sent } }

    func renew(_ session: SessionID) async throws(LeaseStoreError) -> Renewal {
        let reply = state.withLock { state in
            state.sent.append(clock.now())
            return state.replies.isEmpty ? .prompt : state.replies.removeFirst()
        }
        if case .unreached = reply.kind {
            clock.advance(by: reply.delay)
            throw .unavailable("scripted")
        }
        let renewal = try await inner.renew(session)
        await reply.meanwhile()
        clock.advance(by: reply.delay)
        if case .lost = reply.kind { throw .outcomeUnknown("scripted") }
        return renewal
    }

    func openSession(_ session: NewSession) async throws(LeaseStoreError) {
        try await inner.openSession(session)
        clock.advance(by: state.withLock { $0.openingDelay })
    }

    @discardableResult
    func endOwnSession(_ session: SessionID, node: NodeName, reason: String) async throws(LeaseStoreError) -> Bool {
        let (fails, onEnd) = state.withLock { ($0.endFails, $0.onEnd) }
        onEnd()
        if fails { throw .unavailable("scripted") }
        return try await inner.endOwnSession(session, node: node, reason: reason)
    }

    func liveSessions() async throws(LeaseStoreError) -> [SessionRecord] { try await inner.liveSessions() }
    func endSession(_ session: SessionID, seen renewals: Int64, reason: String) async throws(LeaseStoreError) -> Bool {
        try await inner.endSession(session, seen: renewals, reason: reason)
    }
    func revokeSession(_ session: SessionID) async throws(LeaseStoreError) { try await inner.revokeSession(session) }
    func createLeases(_ databases: [DatabaseID]) async throws(LeaseStoreError) { try await inner.createLeases(databases) }
    func acquire(_ databases: [DatabaseID], for session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try await inner.acquire(databases, for: session)
    }
    func leases(of databases: [DatabaseID]) async throws(LeaseStoreError) -> [Lease] { try await inner.leases(of: databases) }
    func leases(heldBy session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try await inner.leases(heldBy: session)
    }
    func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await inner.publish(publication)
    }
    func transfer(
        _ claim: LeaseClaim, from session: SessionID, to successor: SessionID, copy: CopyID?
    ) async throws(LeaseStoreError) -> Bool {
        try await inner.transfer(claim, from: session, to: successor, copy: copy)
    }
    func release(_ claims: [LeaseClaim], by session: SessionID) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await inner.release(claims, by: session)
    }
    func raiseEpoch(_ database: DatabaseID, from epoch: Epoch, by session: SessionID) async throws(LeaseStoreError) -> Lease? {
        try await inner.raiseEpoch(database, from: epoch, by: session)
    }
}
