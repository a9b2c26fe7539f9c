import BerthTestKit
import FleetModel
import Leases
import Synchronization

@testable import FleetStore
@testable import WorkerNode

/// Where databases should be, in memory, with the hints a change of it gives.
final class FakeCatalogue: Sendable {
    private struct Placement {
        var record: DatabaseRecord
        var node: NodeName
        var prepared: (session: SessionID, copy: CopyID)?
        var isAwaited = false
        var said = Said()
    }

    /// What nodes said of opening a database.
    struct Said {
        var servedEpoch: Epoch?
        var unopenable: UnopenableState?
        var refusal: OpeningRefusal?
        var accepted: UInt64?
        var verified: UInt64?
        var quarantined: Quarantined?
    }

    private struct State {
        var placements: [DatabaseID: Placement] = [:]
        var declined: Set<DatabaseID> = []
        var listeners: [AsyncStream<StoreHint>.Continuation] = []
        var before: (@Sendable (String) async throws(BerthError) -> Void)?
    }

    private let leases: InMemoryLeaseStore
    private let state = Mutex(State())

    init(leases: InMemoryLeaseStore) { self.leases = leases }

    /// Runs ahead of each question of a node, which is named.
    func before(_ hook: (@Sendable (String) async throws(BerthError) -> Void)?) { state.withLock { $0.before = hook } }

    func place(_ record: DatabaseRecord, on node: NodeName) {
        state.withLock { state in
            var placement = Placement(record: record, node: node)
            // What a database did to hosts goes with it.
            placement.said.quarantined = state.placements[record.id]?.said.quarantined
            state.placements[record.id] = placement
        }
        hint(.placements(nil))
    }

    /// A node that led it before had to refuse it.
    func quarantine(_ record: DatabaseRecord, _ quarantined: Quarantined) {
        state.withLock { $0.placements[record.id]?.said.quarantined = quarantined }
    }

    /// Databases a node gave up because it cannot serve them.
    var declined: Set<DatabaseID> { state.withLock { $0.declined } }

    func said(of record: DatabaseRecord) -> Said { state.withLock { $0.placements[record.id]?.said ?? Said() } }

    /// An operation waits for it to be served.
    func await(_ record: DatabaseRecord) {
        state.withLock { $0.placements[record.id]?.isAwaited = true }
        hint(.placements(nil))
    }

    /// An operator lets it go on from an older state.
    func accept(_ seq: UInt64, of record: DatabaseRecord) {
        state.withLock { $0.placements[record.id]?.said.accepted = seq }
        hint(.leases([record.id]))
    }

    func placement(of database: DatabaseID) -> NodeName? { state.withLock { $0.placements[database]?.node } }

    func hint(_ hint: StoreHint) {
        for listener in state.withLock({ $0.listeners }) { listener.yield(hint) }
    }

    func hints() -> AsyncStream<StoreHint> {
        let (stream, continuation) = AsyncStream.makeStream(of: StoreHint.self)
        state.withLock { $0.listeners.append(continuation) }
        return stream
    }

    private func asked(_ question: String) async throws(BerthError) {
        try await state.withLock { $0.before }?(question)
    }

    private func all() -> [DatabaseID: Placement] { state.withLock { $0.placements } }

    private func lease(_ database: DatabaseID) async throws(BerthError) -> Lease? {
        do { return try await leases.leases(of: [database]).first } catch { throw error.asBerthError }
    }

    private func live() async throws(BerthError) -> Set<SessionID> {
        do { return Set(try await leases.liveSessions().map(\.id)) } catch { throw error.asBerthError }
    }
}

extension FakeCatalogue: NodeCatalogue {
    func assignments(to node: NodeName, session: SessionID) async throws(BerthError) -> [Assignment] {
        try await asked("assignments")
        let live = try await live()
        var assignments: [Assignment] = []
        for (database, placement) in all() where placement.node == node {
            guard let lease = try await lease(database), lease.session != session else { continue }
            assignments.append(
                Assignment(
                    database: database, engine: placement.record.engine, heldBy: lease.session.flatMap { live.contains($0) ? $0 : nil }, epoch: lease.epoch,
                    head: lease.head,
                    isPrepared: placement.prepared?.session == session))
        }
        return assignments.sorted { $0.database < $1.database }
    }

    func handovers(from node: NodeName, session: SessionID) async throws(BerthError) -> [Handover] {
        try await asked("handovers")
        let live = try await live()
        var handovers: [Handover] = []
        for (database, placement) in all() where placement.node != node {
            guard let lease = try await lease(database), lease.session == session else { continue }
            handovers.append(
                Handover(
                    database: database, placedOn: placement.node,
                    successor: placement.prepared.flatMap { live.contains($0.session) ? $0.session : nil },
                    copy: placement.prepared?.copy))
        }
        return handovers.sorted { $0.database < $1.database }
    }

    func records(of ids: [DatabaseID]) async throws(BerthError) -> [DatabaseRecord] {
        try await asked("records")
        let placements = all()
        return ids.compactMap { placements[$0]?.record }
    }

    func decline(_ databases: [DatabaseID], on node: NodeName) async throws(BerthError) {
        try await asked("decline")
        state.withLock { $0.declined.formUnion(databases) }
    }

    func declarePrepared(
        _ copies: [(database: DatabaseID, copy: CopyID)], on node: NodeName, session: SessionID
    ) async throws(BerthError) {
        try await asked("declarePrepared")
        state.withLock { state in
            for (database, copy) in copies where state.placements[database]?.node == node {
                state.placements[database]?.prepared = (session, copy)
            }
        }
        hint(.placements(nil))
    }

    func reportServed(_ served: [(database: DatabaseID, epoch: Epoch)], by session: SessionID) async throws(BerthError) {
        try await asked("reportServed")
        for (database, epoch) in served where try await holds(database, epoch, session) {
            state.withLock {
                $0.placements[database]?.isAwaited = false
                let said = $0.placements[database]?.said
                $0.placements[database]?.said = Said(servedEpoch: epoch, verified: said?.verified, quarantined: said?.quarantined)
            }
        }
    }

    func reportUnopenable(
        _ database: DatabaseID, _ found: UnopenableState, isServed: Bool, epoch: Epoch, by session: SessionID
    ) async throws(BerthError) {
        try await asked("reportUnopenable")
        guard try await holds(database, epoch, session) else { return }
        state.withLock {
            $0.placements[database]?.said.unopenable = found
            if !isServed { $0.placements[database]?.said.servedEpoch = nil }
        }
    }

    func reportQuarantined(
        _ database: DatabaseID, _ quarantined: Quarantined, epoch: Epoch, by session: SessionID
    ) async throws(BerthError) {
        try await asked("reportQuarantined")
        guard try await holds(database, epoch, session) else { return }
        state.withLock {
            $0.placements[database]?.said.quarantined = quarantined
            $0.placements[database]?.said.servedEpoch = nil
        }
    }

    func quarantined(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: Quarantined] {
        try await asked("quarantined")
        return all().filter { databases.contains($0.key) }.compactMapValues(\.said.quarantined)
    }

    func refuse(_ database: DatabaseID, _ refusal: OpeningRefusal, on node: NodeName) async throws(BerthError) {
        try await asked("refuse")
        state.withLock { if $0.placements[database]?.node == node { $0.placements[database]?.said.refusal = refusal } }
    }

    func awaited(by session: SessionID) async throws(BerthError) -> [DatabaseID] {
        try await asked("awaited")
        var awaited: [DatabaseID] = []
        for (database, placement) in all() where placement.isAwaited {
            guard let lease = try await lease(database), lease.session == session, placement.said.servedEpoch != lease.epoch else { continue }
            awaited.append(database)
        }
        return awaited
    }

    func accepted(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: UInt64] {
        try await asked("accepted")
        return all().filter { databases.contains($0.key) }.compactMapValues(\.said.accepted)
    }

    /// Bytes of what is published, as far as the catalogue says.
    static let backupBytes: Int64 = 1_000

    func nextToVerify(
        by session: SessionID, after age: Duration, except databases: [DatabaseID]
    ) async throws(BerthError) -> UnverifiedBackup? {
        try await asked("nextToVerify")
        for (database, placement) in all().sorted(by: { $0.key < $1.key }) where !databases.contains(database) {
            guard let lease = try await lease(database), lease.session == session, lease.head.seq > placement.said.verified ?? 0 else { continue }
            return UnverifiedBackup(database: database, engine: placement.record.engine, head: lease.head, bytes: Self.backupBytes)
        }
        return nil
    }

    func reportVerified(_ database: DatabaseID, at seq: UInt64, by session: SessionID) async throws(BerthError) {
        try await asked("reportVerified")
        state.withLock { state in
            state.placements[database]?.said.verified = seq
            if let failed = state.placements[database]?.said.unopenable, failed.seq <= seq { state.placements[database]?.said.unopenable = nil }
        }
    }

    func backupAge(by session: SessionID) async throws(BerthError) -> Duration? {
        try await nextToVerify(by: session, after: .zero, except: []).map { _ in .seconds(60) }
    }

    private func holds(_ database: DatabaseID, _ epoch: Epoch, _ session: SessionID) async throws(BerthError) -> Bool {
        guard let lease = try await lease(database) else { return false }
        return lease.session == session && lease.epoch == epoch
    }
}
