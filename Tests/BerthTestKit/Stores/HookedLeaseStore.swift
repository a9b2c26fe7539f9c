import Changesets
public import FleetModel
public import FleetStore
public import Leases
import Synchronization

/// A lease store in memory that keeps account of its calls and fails as a test tells it to.
///
/// It also remembers which object each published changeset lies in, which is what a restore asks for.
public final class HookedLeaseStore: LeaseStore {
    public enum Call: Sendable {
        case openSession(NewSession)
        case renew(SessionID)
        case liveSessions
        case endSession(SessionID)
        case endOwnSession(SessionID)
        case revokeSession(SessionID)
        case createLeases([DatabaseID])
        case acquire([DatabaseID], SessionID)
        case leasesOf([DatabaseID])
        case leasesHeldBy(SessionID)
        case publish(Publication)
        case transfer(LeaseClaim, from: SessionID, to: SessionID)
        case release([LeaseClaim], SessionID)
        case raiseEpoch(DatabaseID, from: Epoch)
    }

    public typealias Hook = @Sendable (Call) async throws(LeaseStoreError) -> Void

    private struct State {
        var calls: [Call] = []
        var before: Hook?
        var after: Hook?
        var overrides: [DatabaseID: [Segment]] = [:]
        var overlooked = 0
    }

    /// The store itself, without hooks.
    public let base: InMemoryLeaseStore
    private let book: SegmentBook
    private let state = Mutex(State())

    public init(_ base: InMemoryLeaseStore = InMemoryLeaseStore()) {
        self.base = base
        book = SegmentBook()
    }

    /// Another way to the same store, with hooks of its own: what a second node has.
    public init(besides other: HookedLeaseStore) {
        base = other.base
        book = other.book
    }

    /// Runs ahead of each call. When it throws, the call does not happen.
    public func before(_ hook: Hook?) { state.withLock { $0.before = hook } }

    /// Runs after each call. When it throws, the call happened and its reply is lost.
    public func after(_ hook: Hook?) { state.withLock { $0.after = hook } }

    public var calls: [Call] { state.withLock { $0.calls } }
    public func forgetCalls() { state.withLock { $0.calls = [] } }

    /// Every attempt to publish so far, in order.
    public var publications: [Publication] {
        calls.compactMap { if case .publish(let publication) = $0 { publication } else { nil } }
    }

    /// The published changesets of `database` and where they lie, in the order of the chain.
    public func segments(of database: DatabaseID) async -> [Segment] {
        while true {
            let published = base.segments(of: database).count
            if let override = state.withLock({ $0.overrides[database] }) { return override }
            let known = book.segments(of: database)
            if known.count >= published { return known }
            // Between the publish and its note here.
            await Task.yield()
        }
    }

    /// Replaces what is told of a chain: for tests of broken ones.
    public func setSegments(_ segments: [Segment]?, of database: DatabaseID) {
        state.withLock { $0.overrides[database] = segments }
    }

    /// The next publish does nothing and answers that nothing matched.
    public func overlookNextPublish() { state.withLock { $0.overlooked += 1 } }

    /// Publishes past the hooks, as a statement does that executes late.
    @discardableResult
    public func publishLate(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        let published = try await base.publish(publication)
        book.note(publication, published)
        return published
    }

    private func run<Answer>(
        _ call: Call, _ body: () async throws(LeaseStoreError) -> Answer
    ) async throws(LeaseStoreError) -> Answer {
        let before = state.withLock { state in
            state.calls.append(call)
            return state.before
        }
        try await before?(call)
        let answer = try await body()
        try await state.withLock { $0.after }?(call)
        return answer
    }

    // MARK: LeaseStore

    public func openSession(_ session: NewSession) async throws(LeaseStoreError) {
        try await run(.openSession(session)) { () throws(LeaseStoreError) in try await base.openSession(session) }
    }

    public func renew(_ session: SessionID) async throws(LeaseStoreError) -> Renewal {
        try await run(.renew(session)) { () throws(LeaseStoreError) in try await base.renew(session) }
    }

    public func liveSessions() async throws(LeaseStoreError) -> [SessionRecord] {
        try await run(.liveSessions) { () throws(LeaseStoreError) in try await base.liveSessions() }
    }

    public func endSession(
        _ session: SessionID, seen renewals: Int64, reason: String
    ) async throws(LeaseStoreError) -> Bool {
        try await run(.endSession(session)) { () throws(LeaseStoreError) in
            try await base.endSession(session, seen: renewals, reason: reason)
        }
    }

    @discardableResult
    public func endOwnSession(
        _ session: SessionID, node: NodeName, reason: String
    ) async throws(LeaseStoreError) -> Bool {
        try await run(.endOwnSession(session)) { () throws(LeaseStoreError) in
            try await base.endOwnSession(session, node: node, reason: reason)
        }
    }

    public func revokeSession(_ session: SessionID) async throws(LeaseStoreError) {
        try await run(.revokeSession(session)) { () throws(LeaseStoreError) in try await base.revokeSession(session) }
    }

    public func createLeases(_ databases: [DatabaseID]) async throws(LeaseStoreError) {
        try await run(.createLeases(databases)) { () throws(LeaseStoreError) in try await base.createLeases(databases) }
    }

    public func acquire(
        _ databases: [DatabaseID], for session: SessionID
    ) async throws(LeaseStoreError) -> [Lease] {
        try await run(.acquire(databases, session)) { () throws(LeaseStoreError) in
            try await base.acquire(databases, for: session)
        }
    }

    public func leases(of databases: [DatabaseID]) async throws(LeaseStoreError) -> [Lease] {
        try await run(.leasesOf(databases)) { () throws(LeaseStoreError) in try await base.leases(of: databases) }
    }

    public func leases(heldBy session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try await run(.leasesHeldBy(session)) { () throws(LeaseStoreError) in
            try await base.leases(heldBy: session)
        }
    }

    public func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await run(.publish(publication)) { () throws(LeaseStoreError) in
            let isOverlooked = state.withLock { state in
                defer { state.overlooked = max(0, state.overlooked - 1) }
                return state.overlooked > 0
            }
            return isOverlooked ? [] : try await publishLate(publication)
        }
    }

    public func transfer(
        _ claim: LeaseClaim, from session: SessionID, to successor: SessionID, copy: CopyID?
    ) async throws(LeaseStoreError) -> Bool {
        try await run(.transfer(claim, from: session, to: successor)) { () throws(LeaseStoreError) in
            try await base.transfer(claim, from: session, to: successor, copy: copy)
        }
    }

    public func release(
        _ claims: [LeaseClaim], by session: SessionID
    ) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await run(.release(claims, session)) { () throws(LeaseStoreError) in
            try await base.release(claims, by: session)
        }
    }

    public func raiseEpoch(
        _ database: DatabaseID, from epoch: Epoch, by session: SessionID
    ) async throws(LeaseStoreError) -> Lease? {
        try await run(.raiseEpoch(database, from: epoch)) { () throws(LeaseStoreError) in
            try await base.raiseEpoch(database, from: epoch, by: session)
        }
    }
}

/// Which object each published changeset lies in.
private final class SegmentBook: Sendable {
    private let segments = Mutex<[DatabaseID: [Segment]]>([:])

    func segments(of database: DatabaseID) -> [Segment] {
        // Two notes of one database may be made in the other order.
        segments.withLock { $0[database] ?? [] }.sorted { $0.entry.lastSeq < $1.entry.lastSeq }
    }

    func note(_ publication: Publication, _ published: Set<DatabaseID>) {
        segments.withLock { segments in
            for entry in publication.entries where published.contains(entry.database) {
                segments[entry.database, default: []].append(Segment(bundle: publication.bundle, entry: entry))
            }
        }
    }
}
