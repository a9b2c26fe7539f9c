public import Changesets
public import FleetModel
import Synchronization

/// A `LeaseStore` in the memory of one process, for tests and simulation. Never for a fleet.
public final class InMemoryLeaseStore: LeaseStore {
    private struct Session {
        var record: SessionRecord
        var hasEnded = false
        var generation: Int
    }

    private struct State {
        var sessions: [SessionID: Session] = [:]
        var leases: [DatabaseID: Lease] = [:]
        var bundles: Set<String> = []
        var segments: [DatabaseID: [(bundle: String, entry: BundleEntry)]] = [:]
        /// How often the store was restored or promoted; the fleet was created at zero.
        var generation = 0
    }

    private let state = Mutex(State())

    public init() {}

    // MARK: Sessions

    public func openSession(_ session: NewSession) async throws(LeaseStoreError) {
        let refusal: LeaseStoreError? = state.withLock { state in
            if state.generation != 0 { return .generationChanged("the fleet was created on another generation") }
            guard state.sessions[session.id] == nil else { return .sessionEnded }
            let record = SessionRecord(
                id: session.id, node: session.node, role: session.role, address: session.address, renewals: 0,
                isRevoked: false, ttl: session.timing.ttl)
            state.sessions[session.id] = Session(record: record, generation: state.generation)
            return nil
        }
        if let refusal { throw refusal }
    }

    public func renew(_ id: SessionID) async throws(LeaseStoreError) -> Renewal {
        state.withLock { state in
            guard let session = state.sessions[id] else { return .refused(.unknownSession) }
            if session.hasEnded { return .refused(.ended) }
            if session.record.isRevoked { return .refused(.revoked) }
            if session.generation != state.generation { return .refused(.generationChanged) }
            state.sessions[id]?.record.renewals += 1
            return .renewed
        }
    }

    public func liveSessions() async throws(LeaseStoreError) -> [SessionRecord] {
        state.withLock { state in
            state.sessions.values.filter { !$0.hasEnded }.map(\.record).sorted { $0.id < $1.id }
        }
    }

    public func endSession(_ id: SessionID, seen renewals: Int64, reason: String) async throws(LeaseStoreError) -> Bool {
        state.withLock { state in
            guard let session = state.sessions[id], !session.hasEnded, session.record.renewals == renewals else {
                return false
            }
            state.sessions[id]?.hasEnded = true
            return true
        }
    }

    @discardableResult
    public func endOwnSession(_ id: SessionID, node: NodeName, reason: String) async throws(LeaseStoreError) -> Bool {
        state.withLock { state in
            if state.sessions[id] == nil {
                let record = SessionRecord(
                    id: id, node: node, role: .node, address: "", renewals: 0, isRevoked: false, ttl: LeaseTiming().ttl)
                state.sessions[id] = Session(record: record, generation: state.generation)
            }
            state.sessions[id]?.hasEnded = true
            return state.sessions[id]?.record.address.isEmpty == false
        }
    }

    public func revokeSession(_ id: SessionID) async throws(LeaseStoreError) {
        state.withLock { $0.sessions[id]?.record.isRevoked = true }
    }

    // MARK: Leases

    public func createLeases(_ databases: [DatabaseID]) async throws(LeaseStoreError) {
        state.withLock { state in
            for database in databases where state.leases[database] == nil {
                state.leases[database] = Lease(database: database)
            }
        }
    }

    public func acquire(
        _ databases: [DatabaseID], for session: SessionID
    ) async throws(LeaseStoreError) -> [Lease] {
        state.withLock { state in
            guard let own = state.sessions[session], !own.hasEnded, !own.record.isRevoked, isCurrent(session, in: state) else { return [] }
            var acquired: [Lease] = []
            for database in Set(databases).sorted() {
                guard var lease = state.leases[database] else { continue }
                if let holder = lease.session, state.sessions[holder]?.hasEnded != true { continue }
                lease.session = session
                lease.epoch = lease.epoch.next
                invariant(lease.epoch > state.leases[database]?.epoch ?? .zero, "a new holder has the epoch of a former one")
                state.leases[database] = lease
                acquired.append(lease)
            }
            return acquired
        }
    }

    public func leases(of databases: [DatabaseID]) async throws(LeaseStoreError) -> [Lease] {
        state.withLock { state in Set(databases).sorted().compactMap { state.leases[$0] } }
    }

    public func leases(heldBy session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        state.withLock { state in
            state.leases.values.filter { $0.session == session }.sorted { $0.database < $1.database }
        }
    }

    public func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        enum Outcome {
            case published(Set<DatabaseID>)
            case refused(LeaseStoreError)
        }
        let outcome: Outcome = state.withLock { state in
            guard isCurrent(publication.session, in: state) else {
                return .refused(.generationChanged("the fleet was created on another generation"))
            }
            let matching = publication.entries.filter { entry in
                guard let lease = state.leases[entry.database] else { return false }
                return lease.session == publication.session && lease.epoch == entry.epoch
                    && lease.head.seq &+ 1 == entry.firstSeq && lease.head.checksum == entry.previousChecksum
            }
            guard !matching.isEmpty else { return .published([]) }
            guard state.bundles.insert(publication.bundle).inserted else { return .refused(.bundleSwept) }
            for entry in matching {
                state.leases[entry.database]?.head = ChainPosition(seq: entry.lastSeq, checksum: entry.checksum)
                state.segments[entry.database, default: []].append((publication.bundle, entry))
            }
            return .published(Set(matching.map(\.database)))
        }
        switch outcome {
        case .published(let databases): return databases
        case .refused(let error): throw error
        }
    }

    public func transfer(
        _ claim: LeaseClaim, from session: SessionID, to successor: SessionID, copy: CopyID?
    ) async throws(LeaseStoreError) -> Bool {
        state.withLock { state in
            guard let next = state.sessions[successor], !next.hasEnded, !next.record.isRevoked, isCurrent(successor, in: state),
                var lease = matching(claim, session, in: state)
            else { return false }
            lease.session = successor
            lease.epoch = lease.epoch.next
            lease.inSync = copy.map { [$0] } ?? []
            lease.configVersion += 1
            state.leases[claim.database] = lease
            return true
        }
    }

    public func release(
        _ claims: [LeaseClaim], by session: SessionID
    ) async throws(LeaseStoreError) -> Set<DatabaseID> {
        state.withLock { state in
            var released: Set<DatabaseID> = []
            for claim in claims {
                guard var lease = matching(claim, session, in: state) else { continue }
                lease.session = nil
                state.leases[claim.database] = lease
                released.insert(claim.database)
            }
            return released
        }
    }

    public func raiseEpoch(
        _ database: DatabaseID, from epoch: Epoch, by session: SessionID
    ) async throws(LeaseStoreError) -> Lease? {
        state.withLock { state in
            guard isCurrent(session, in: state), var lease = state.leases[database], lease.session == session,
                lease.epoch == epoch
            else { return nil }
            lease.epoch = epoch.next
            state.leases[database] = lease
            return lease
        }
    }

    /// Rule 12: whether `session` was recorded under the generation that answers.
    private func isCurrent(_ session: SessionID, in state: State) -> Bool {
        state.sessions[session]?.generation == state.generation
    }

    private func matching(_ claim: LeaseClaim, _ session: SessionID, in state: State) -> Lease? {
        guard let lease = state.leases[claim.database], lease.session == session, lease.epoch == claim.epoch,
            lease.head.seq == claim.headSeq, isCurrent(session, in: state)
        else { return nil }
        return lease
    }

    // MARK: What a test looks at and breaks

    /// The published changesets of `database`, in the order they were published.
    public func segments(of database: DatabaseID) -> [BundleEntry] {
        state.withLock { $0.segments[database]?.map(\.entry) ?? [] }
    }

    /// The same, each with the name of the bundle that holds it.
    public func publications(of database: DatabaseID) -> [(bundle: String, entry: BundleEntry)] {
        state.withLock { $0.segments[database] ?? [] }
    }

    /// Every lease, in the order of their databases.
    public func allLeases() -> [Lease] {
        state.withLock { $0.leases.values.sorted { $0.database < $1.database } }
    }

    /// A session, and whether it has ended; `nil` when there never was one.
    public func session(_ id: SessionID) -> (record: SessionRecord, hasEnded: Bool)? {
        state.withLock { state in state.sessions[id].map { ($0.record, $0.hasEnded) } }
    }

    /// Every session that ended, in the order of their identifiers.
    public func endedSessions() -> [SessionRecord] {
        state.withLock { state in
            state.sessions.values.filter(\.hasEnded).map(\.record).sorted { $0.id < $1.id }
        }
    }

    /// Names of bundles that were published or tombstoned.
    public func isKnown(bundle: String) -> Bool { state.withLock { $0.bundles.contains(bundle) } }

    /// Rule 13: takes the name of a bundle that was stored and not published.
    ///
    /// - Returns: whether the name was free.
    public func tombstone(bundle: String) -> Bool {
        state.withLock { $0.bundles.insert(bundle).inserted }
    }

    /// What no statement may do: writes a lease, whatever it was.
    public func overwrite(_ lease: Lease) { state.withLock { $0.leases[lease.database] = lease } }

    /// Rule 12: pretends that the store was restored or promoted.
    public func changeGeneration() {
        state.withLock { $0.generation += 1 }
    }
}
