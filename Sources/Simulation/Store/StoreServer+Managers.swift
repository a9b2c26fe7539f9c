import FleetModel
import FleetStore
import Foundation
import Leases

/// What managers ask and write; each is what the statement of the same name in `FleetCatalogue` says.
extension StoreServer {
    func nodeStatuses() -> [NodeStatus] {
        let all = leases.allLeases()
        return nodes.keys.sorted().map { name in
            let session = liveSession(of: name)
            return NodeStatus(
                name: name, address: session?.address ?? nodes[name]?.address ?? "", state: nodes[name]?.state ?? .active,
                engines: nodes[name]?.engines ?? [], isAlive: session != nil, session: session?.id,
                placed: Int64(placements.values.count { $0.node == name }),
                leading: Int64(all.count { session != nil && $0.session == session?.id }))
        }
    }

    func status(of database: DatabaseID) -> DatabaseStatus? {
        guard let placement = placements[database], let lease = lease(database) else { return nil }
        let holder = liveHolder(lease)
        return DatabaseStatus(
            record: placement.record, placedOn: placement.node, leader: holder?.node, leaderSession: holder?.id,
            leaderAddress: holder?.address, epoch: lease.epoch, head: lease.head, servedEpoch: placement.servedEpoch,
            unopenable: placement.unopenable, refusal: placement.refusal)
    }

    func databases(on node: NodeName, limit: Int) -> [PlacedDatabase] {
        sortedPlacements.filter { database, placement in
            placement.node == node || liveHolder(lease(database))?.node == node
        }.prefix(limit).map { PlacedDatabase(database: $0.0, engine: $0.1.record.engine, placedOn: $0.1.node, isRefused: $0.1.refusal != nil) }
    }

    func orphans(absent: [NodeName], limit: Int) -> [PlacedDatabase] {
        sortedPlacements.filter { database, placement in
            guard let lease = lease(database) else { return false }
            guard let holder = lease.session.flatMap({ leases.session($0) }) else { return placement.isDeclined || absent.contains(placement.node) }
            return holder.hasEnded && (holder.record.node == placement.node || !hasLiveSession(placement.node))
        }.prefix(limit).map { PlacedDatabase(database: $0.0, engine: $0.1.record.engine, placedOn: $0.1.node, isRefused: $0.1.refusal != nil) }
    }

    private func hasLiveSession(_ node: NodeName) -> Bool {
        sessionOrder.contains { id in
            leases.session(id).map { !$0.hasEnded && $0.record.node == node && $0.record.role == .node } ?? false
        }
    }

    func stranded(on absent: [NodeName], limit: Int) -> [(database: DatabaseID, placedOn: NodeName, leader: NodeName)] {
        sortedPlacements.compactMap { database, placement in
            guard absent.contains(placement.node), let holder = liveHolder(lease(database)), holder.node != placement.node
            else { return nil }
            return (database, placement.node, holder.node)
        }
    }

    func place(
        _ moves: [(database: DatabaseID, from: NodeName, to: NodeName)], by operation: OperationID?, under term: ManagerTerm
    ) -> Set<DatabaseID> {
        guard holds(term) else { return [] }
        var placed: Set<DatabaseID> = []
        for (database, from, to) in moves where placements[database]?.node == from {
            placements[database]?.node = to
            placements[database]?.preparedSession = nil
            placements[database]?.preparedCopy = nil
            placements[database]?.isDeclined = false
            placements[database]?.refusal = nil
            if let operation { placements[database]?.placedBy = operation }
            placed.insert(database)
        }
        if !placed.isEmpty { onHint(.placements(moves.flatMap { [$0.from, $0.to] })) }
        return placed
    }

    func placed(by operation: OperationID) -> [DatabaseID] {
        sortedPlacements.compactMap { database, placement in placement.placedBy == operation ? database : nil }
    }

    func wantServed(_ databases: [DatabaseID], under term: ManagerTerm) {
        guard holds(term) else { return }
        for database in databases {
            placements[database]?.isAwaited = true
        }
        onHint(.placements(nil))
    }

    func unserved(among databases: [DatabaseID]) -> [UnservedDatabase] {
        databases.sorted().compactMap { status(of: $0) }.filter { !$0.isServed }
            .map { UnservedDatabase(name: $0.record.name, isUnopenable: $0.unopenable != nil) }
    }

    // MARK: Operations

    func createOperation(_ kind: OperationKind, id: OperationID, database: DatabaseID?, node: NodeName?) -> Bool {
        let isOpen = operations.values.contains {
            !$0.state.isFinished && (database != nil ? $0.database == database : $0.database == nil && $0.node == node)
        }
        guard !isOpen else { return false }
        operations[id] = OperationRecord(
            id: id, kind: kind, database: database, databaseName: database.flatMap { placements[$0]?.record.name },
            node: node, state: .pending, done: 0, total: 0, cancelRequested: false, createdAt: Date(timeIntervalSince1970: 0),
            updatedAt: Date(timeIntervalSince1970: 0))
        onHint(.operations)
        return true
    }

    func openOperations(limit: Int) -> [OperationRecord] {
        Array(operations.values.filter { !$0.state.isFinished }.sorted { $0.id > $1.id }.prefix(limit))
    }

    func update(
        _ id: OperationID, state: OperationState, done: Int64, total: Int64, error: BerthError?, under term: ManagerTerm
    ) -> Bool {
        guard holds(term), let operation = operations[id], !operation.state.isFinished else { return false }
        operations[id]?.state = state
        operations[id]?.done = done
        operations[id]?.total = total
        operations[id]?.errorCode = error?.code.rawValue
        operations[id]?.errorMessage = error?.message
        onHint(.operations)
        return true
    }

    // MARK: Sweeping

    func unsweptSessions(grace: Duration, limit: Int) -> [(session: SessionID, node: NodeName)] {
        leases.endedSessions().filter { session in
            session.role == .node && !sweptSessions.contains(session.id)
                && endings[session.id].map { clock - $0 >= grace } ?? false
        }.prefix(limit).map { ($0.id, $0.node) }
    }

    func unpublished(_ names: [String]) -> [String] {
        let published = Set(placements.keys.flatMap { leases.publications(of: $0).map(\.bundle) })
        return names.filter { !published.contains($0) }
    }

    func tombstone(_ names: [String], under term: ManagerTerm) -> [String] {
        guard holds(term) else { return [] }
        let published = Set(placements.keys.flatMap { leases.publications(of: $0).map(\.bundle) })
        return names.filter { name in
            guard !published.contains(name) else { return false }
            // Taken now, or by an earlier tombstone.
            _ = leases.tombstone(bundle: name)
            return true
        }
    }
}
