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
        state.withLock { $0.placements[record.id] = Placement(record: record, node: node) }
        hint(.placements(nil))
    }

    /// Databases a node gave up because it cannot serve them.
    var declined: Set<DatabaseID> { state.withLock { $0.declined } }

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
                    database: database, engine: placement.record.engine, heldBy: lease.session.flatMap { live.contains($0) ? $0 : nil }, head: lease.head,
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
}
