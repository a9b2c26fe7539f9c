import BerthTestKit
import FleetModel
import Leases
import Synchronization

/// The lease store as one manager uses it: counts, cuts the connection, delays replies, and checks rule 3 all the time.
final class WatchedStore: LeaseStore {
    private struct Reading: Hashable {
        var session: SessionID
        var renewals: Int64
    }

    private struct State {
        var isCut = false
        var readingDelay: Duration = .zero
        var readings = 0
        var underWay = 0
        /// When the reply that first showed a number of renewals was received.
        var firstSeen: [Reading: Duration] = [:]
        var ends: [(session: SessionID, at: Duration, quietFor: Duration)] = []
        var revoked: [SessionID] = []
    }

    private let inner: any LeaseStore
    private let clock: ManualClock
    private let state = Mutex(State())

    init(_ inner: any LeaseStore, clock: ManualClock) {
        self.inner = inner
        self.clock = clock
    }

    /// From now on nothing reaches the store.
    func cut() { state.withLock { $0.isCut = true } }
    /// The network comes back.
    func mend() { state.withLock { $0.isCut = false } }
    /// Replies to readings of the sessions take so long.
    func delayReadings(by delay: Duration) { state.withLock { $0.readingDelay = delay } }

    /// How many readings of the sessions were answered or failed.
    var readings: Int { state.withLock { $0.readings } }
    var isIdle: Bool { state.withLock { $0.underWay == 0 } }
    /// The sessions this manager tried to end, and how long after the receipt of what it had seen.
    var ends: [(session: SessionID, at: Duration, quietFor: Duration)] { state.withLock { $0.ends } }
    var revoked: [SessionID] { state.withLock { $0.revoked } }

    private func reach<Value: Sendable>(
        _ body: () async throws(LeaseStoreError) -> Value
    ) async throws(LeaseStoreError) -> Value {
        let isCut = state.withLock { state in
            if !state.isCut { state.underWay += 1 }
            return state.isCut
        }
        if isCut { throw .unavailable("cut") }
        defer { state.withLock { $0.underWay -= 1 } }
        return try await body()
    }

    func liveSessions() async throws(LeaseStoreError) -> [SessionRecord] {
        defer { state.withLock { $0.readings += 1 } }
        let sessions = try await reach { () throws(LeaseStoreError) in try await inner.liveSessions() }
        clock.advance(by: state.withLock { $0.readingDelay })
        let now = clock.now()
        state.withLock { state in
            for session in sessions {
                let reading = Reading(session: session.id, renewals: session.renewals)
                if state.firstSeen[reading] == nil { state.firstSeen[reading] = now }
            }
        }
        return sessions
    }

    func endSession(_ session: SessionID, seen renewals: Int64, reason: String) async throws(LeaseStoreError) -> Bool {
        let now = clock.now()
        state.withLock { state in
            let seen = state.firstSeen[Reading(session: session, renewals: renewals)]
            state.ends.append((session, now, seen.map { now - $0 } ?? .zero))
        }
        return try await reach { () throws(LeaseStoreError) in
            try await inner.endSession(session, seen: renewals, reason: reason)
        }
    }

    func revokeSession(_ session: SessionID) async throws(LeaseStoreError) {
        state.withLock { $0.revoked.append(session) }
        try await reach { () throws(LeaseStoreError) in try await inner.revokeSession(session) }
    }

    func openSession(_ session: NewSession) async throws(LeaseStoreError) {
        try await reach { () throws(LeaseStoreError) in try await inner.openSession(session) }
    }
    func renew(_ session: SessionID) async throws(LeaseStoreError) -> Renewal {
        try await reach { () throws(LeaseStoreError) in try await inner.renew(session) }
    }
    @discardableResult
    func endOwnSession(_ session: SessionID, node: NodeName, reason: String) async throws(LeaseStoreError) -> Bool {
        try await reach { () throws(LeaseStoreError) in
            try await inner.endOwnSession(session, node: node, reason: reason)
        }
    }
    func createLeases(_ databases: [DatabaseID]) async throws(LeaseStoreError) {
        try await reach { () throws(LeaseStoreError) in try await inner.createLeases(databases) }
    }
    func acquire(_ databases: [DatabaseID], for session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try await reach { () throws(LeaseStoreError) in try await inner.acquire(databases, for: session) }
    }
    func leases(of databases: [DatabaseID]) async throws(LeaseStoreError) -> [Lease] {
        try await reach { () throws(LeaseStoreError) in try await inner.leases(of: databases) }
    }
    func leases(heldBy session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try await reach { () throws(LeaseStoreError) in try await inner.leases(heldBy: session) }
    }
    func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await reach { () throws(LeaseStoreError) in try await inner.publish(publication) }
    }
    func transfer(
        _ claim: LeaseClaim, from session: SessionID, to successor: SessionID, copy: CopyID?
    ) async throws(LeaseStoreError) -> Bool {
        try await reach { () throws(LeaseStoreError) in
            try await inner.transfer(claim, from: session, to: successor, copy: copy)
        }
    }
    func release(_ claims: [LeaseClaim], by session: SessionID) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await reach { () throws(LeaseStoreError) in try await inner.release(claims, by: session) }
    }
    func raiseEpoch(_ database: DatabaseID, from epoch: Epoch, by session: SessionID) async throws(LeaseStoreError) -> Lease? {
        try await reach { () throws(LeaseStoreError) in try await inner.raiseEpoch(database, from: epoch, by: session) }
    }
}
