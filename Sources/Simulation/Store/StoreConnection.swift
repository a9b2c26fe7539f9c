import FleetManager
import FleetModel
import FleetStore
import Leases
import Replication
import Routing
import WorkerNode

/// One process's way to the store: everything it asks travels, and may be lost on the way there or back.
struct StoreConnection: Sendable {
    let life: Life
    let network: Network
    let store: StoreServer
    let server: Life
    /// How long a statement may take before its outcome is unknown.
    let timeout: Duration

    /// A statement that changes something.
    func change<Value: Sendable>(
        _ body: @escaping @Sendable (StoreServer) async -> Result<Value, LeaseStoreError>
    ) async throws(LeaseStoreError) -> Value {
        let store = store
        switch await network.call(from: life, to: server, timeout: timeout, { await store.statement { await body(store) } }) {
        case .answered(let result): return try result.get()
        case .unreached: throw .unavailable("connection refused")
        case .lost: throw .outcomeUnknown("the connection was lost")
        }
    }

    /// A statement that reads.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (StoreServer) async -> Result<Value, LeaseStoreError>
    ) async throws(LeaseStoreError) -> Value {
        do throws(LeaseStoreError) { return try await change(body) } catch {
            if case .outcomeUnknown(let why) = error { throw .unavailable(why) }
            throw error
        }
    }

    /// The same for the catalogue, whose errors are meant for people.
    func ask<Value: Sendable>(_ body: @escaping @Sendable (StoreServer) -> Value) async throws(BerthError) -> Value {
        do throws(LeaseStoreError) { return try await change { .success(body($0)) } } catch {
            if case .outcomeUnknown = error { throw BerthError(.outcomeUnknown, error.description) }
            throw error.asBerthError
        }
    }
}

/// Runs one call of the in-memory store and keeps its error as a value.
func outcome<Value>(_ body: () async throws(LeaseStoreError) -> Value) async -> Result<Value, LeaseStoreError> {
    do throws(LeaseStoreError) { return .success(try await body()) } catch { return .failure(error) }
}

extension StoreConnection: LeaseStore {
    func openSession(_ session: NewSession) async throws(LeaseStoreError) {
        try await change { store in
            let result = await outcome { () throws(LeaseStoreError) in try await store.leases.openSession(session) }
            if case .success = result {
                store.sessionOrder.append(session.id)
                if session.role == .node {
                    store.nodes[session.node, default: .init()].address = session.address
                    store.nodes[session.node]?.engines = session.engines
                }
                store.onHint(.sessions)
            }
            return result
        }
    }

    func renew(_ session: SessionID) async throws(LeaseStoreError) -> Renewal {
        try await change { store in await outcome { () throws(LeaseStoreError) in try await store.leases.renew(session) } }
    }

    func liveSessions() async throws(LeaseStoreError) -> [SessionRecord] {
        try await read { store in await outcome { () throws(LeaseStoreError) in try await store.leases.liveSessions() } }
    }

    func endSession(_ session: SessionID, seen renewals: Int64, reason: String) async throws(LeaseStoreError) -> Bool {
        try await change { store in
            await outcome { () throws(LeaseStoreError) in
                try await store.leases.endSession(session, seen: renewals, reason: reason)
            }
        }
    }

    @discardableResult
    func endOwnSession(_ session: SessionID, node: NodeName, reason: String) async throws(LeaseStoreError) -> Bool {
        try await change { store in
            await outcome { () throws(LeaseStoreError) in
                try await store.leases.endOwnSession(session, node: node, reason: reason)
            }
        }
    }

    func revokeSession(_ session: SessionID) async throws(LeaseStoreError) {
        try await change { store in await outcome { () throws(LeaseStoreError) in try await store.leases.revokeSession(session) } }
    }

    func createLeases(_ databases: [DatabaseID]) async throws(LeaseStoreError) {
        try await change { store in await outcome { () throws(LeaseStoreError) in try await store.leases.createLeases(databases) } }
    }

    func acquire(_ databases: [DatabaseID], for session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try await change { store in
            await outcome { () throws(LeaseStoreError) in try await store.leases.acquire(databases, for: session) }
        }
    }

    func leases(of databases: [DatabaseID]) async throws(LeaseStoreError) -> [Lease] {
        try await read { store in await outcome { () throws(LeaseStoreError) in try await store.leases.leases(of: databases) } }
    }

    func leases(heldBy session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try await read { store in await outcome { () throws(LeaseStoreError) in try await store.leases.leases(heldBy: session) } }
    }

    func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await change { store in await outcome { () throws(LeaseStoreError) in try await store.publish(publication) } }
    }

    func transfer(
        _ claim: LeaseClaim, from session: SessionID, to successor: SessionID, copy: CopyID?
    ) async throws(LeaseStoreError) -> Bool {
        try await change { store in
            await outcome { () throws(LeaseStoreError) in
                try await store.leases.transfer(claim, from: session, to: successor, copy: copy)
            }
        }
    }

    func release(_ claims: [LeaseClaim], by session: SessionID) async throws(LeaseStoreError) -> Set<DatabaseID> {
        try await change { store in
            await outcome { () throws(LeaseStoreError) in try await store.leases.release(claims, by: session) }
        }
    }

    func raiseEpoch(
        _ database: DatabaseID, from epoch: Epoch, by session: SessionID
    ) async throws(LeaseStoreError) -> Lease? {
        try await change { store in
            await outcome { () throws(LeaseStoreError) in
                try await store.leases.raiseEpoch(database, from: epoch, by: session)
            }
        }
    }
}

extension StoreConnection: NodeCatalogue, RouteSource, SegmentSource {
    func assignments(to node: NodeName, session: SessionID) async throws(BerthError) -> [Assignment] {
        try await ask { $0.assignments(to: node, session: session) }
    }

    func handovers(from node: NodeName, session: SessionID) async throws(BerthError) -> [Handover] {
        try await ask { $0.handovers(from: node, session: session) }
    }

    func records(of ids: [DatabaseID]) async throws(BerthError) -> [DatabaseRecord] {
        try await ask { $0.records(of: ids) }
    }

    func decline(_ databases: [DatabaseID], on node: NodeName) async throws(BerthError) {
        try await ask { store in
            for database in databases where store.placements[database]?.node == node { store.placements[database]?.isDeclined = true }
        }
    }

    func declarePrepared(
        _ copies: [(database: DatabaseID, copy: CopyID)], on node: NodeName, session: SessionID
    ) async throws(BerthError) {
        try await ask { $0.declarePrepared(copies, on: node, session: session) }
    }

    func reportServed(_ served: [(database: DatabaseID, epoch: Epoch)], by session: SessionID) async throws(BerthError) {
        try await ask { $0.reportServed(served, by: session) }
    }

    func reportQuarantined(
        _ database: DatabaseID, _ quarantined: Quarantined, epoch: Epoch, by session: SessionID
    ) async throws(BerthError) {
        try await ask { $0.reportQuarantined(database, quarantined, epoch: epoch, by: session) }
    }

    func quarantined(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: Quarantined] {
        try await ask { $0.quarantined(among: databases) }
    }

    func reportUnopenable(
        _ database: DatabaseID, _ state: UnopenableState, isServed: Bool, epoch: Epoch, by session: SessionID
    ) async throws(BerthError) {
        try await ask { $0.reportUnopenable(database, state, isServed: isServed, epoch: epoch, by: session) }
    }

    func refuse(_ database: DatabaseID, _ refusal: OpeningRefusal, on node: NodeName) async throws(BerthError) {
        try await ask { $0.refuse(database, refusal, on: node) }
    }

    func awaited(by session: SessionID) async throws(BerthError) -> [DatabaseID] { try await ask { $0.awaited(by: session) } }

    /// A simulated fleet lives for seconds.
    func nextToVerify(
        by session: SessionID, after age: Duration, except databases: [DatabaseID]
    ) async throws(BerthError) -> UnverifiedBackup? { nil }
    func reportVerified(_ database: DatabaseID, at seq: UInt64, by session: SessionID) async throws(BerthError) {}
    func backupAge(by session: SessionID) async throws(BerthError) -> Duration? { nil }

    /// Nobody operates a simulated fleet.
    func accepted(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: UInt64] { [:] }

    func route(to name: DatabaseName) async throws(BerthError) -> RouteRecord {
        try await ask { $0.route(to: name) }.get()
    }

    func segments(of database: DatabaseID, after seq: UInt64, through last: UInt64) async throws(BerthError) -> [Segment] {
        try await ask { $0.segments(of: database, after: seq, through: last) }
    }

    func checksum(of database: DatabaseID, at seq: UInt64) async throws(BerthError) -> UInt64? {
        try await ask { $0.checksum(of: database, at: seq) }
    }
}

extension StoreConnection: ManagerCatalogue {
    func nodes() async throws(BerthError) -> [NodeStatus] { try await ask { $0.nodeStatuses() } }

    func node(named name: NodeName) async throws(BerthError) -> NodeStatus {
        guard let node = try await nodes().first(where: { $0.name == name }) else {
            throw BerthError(.nodeNotFound, "There is no node named “\(name)”.")
        }
        return node
    }

    func nodeNames() async throws(BerthError) -> [NodeName] { try await ask { $0.nodes.keys.sorted() } }

    func setState(_ state: NodeState, of name: NodeName) async throws(BerthError) {
        try await ask { $0.nodes[name]?.state = state }
    }

    func databasesOfUnknownKind() async throws(BerthError) -> Int64 { 0 }

    func database(_ id: DatabaseID) async throws(BerthError) -> DatabaseStatus? { try await ask { $0.status(of: id) } }

    func databases(
        on node: NodeName, limit: Int
    ) async throws(BerthError) -> [PlacedDatabase] {
        try await ask { $0.databases(on: node, limit: limit) }
    }

    func orphans(
        absent: [NodeName], limit: Int
    ) async throws(BerthError) -> [PlacedDatabase] {
        try await ask { $0.orphans(absent: absent, limit: limit) }
    }

    func stranded(
        on absent: [NodeName], limit: Int
    ) async throws(BerthError) -> [(database: DatabaseID, placedOn: NodeName, leader: NodeName)] {
        try await ask { $0.stranded(on: absent, limit: limit) }
    }

    @discardableResult
    func place(
        _ moves: [(database: DatabaseID, from: NodeName, to: NodeName)], by operation: OperationID?, under term: ManagerTerm
    ) async throws(BerthError) -> Set<DatabaseID> {
        try await ask { $0.place(moves, by: operation, under: term) }
    }

    func placed(by operation: OperationID) async throws(BerthError) -> [DatabaseID] { try await ask { $0.placed(by: operation) } }

    func wantServed(_ databases: [DatabaseID], under term: ManagerTerm) async throws(BerthError) {
        try await ask { $0.wantServed(databases, under: term) }
    }

    func unserved(among databases: [DatabaseID]) async throws(BerthError) -> [UnservedDatabase] {
        try await ask { $0.unserved(among: databases) }
    }

    func operation(_ id: OperationID) async throws(BerthError) -> OperationRecord {
        guard let operation = try await ask({ $0.operations[id] }) else {
            throw BerthError(.operationNotFound, "There is no operation \(id).")
        }
        return operation
    }

    func operations(openOnly: Bool, before: OperationID?, limit: Int) async throws(BerthError) -> [OperationRecord] {
        try await ask { $0.openOperations(limit: limit) }
    }

    @discardableResult
    func update(
        _ id: OperationID, state: OperationState, done: Int64, total: Int64, error: BerthError?, under term: ManagerTerm
    ) async throws(BerthError) -> Bool {
        try await ask { $0.update(id, state: state, done: done, total: total, error: error, under: term) }
    }

    func unsweptSessions(
        grace: Duration, limit: Int
    ) async throws(BerthError) -> [(session: SessionID, node: NodeName)] {
        try await ask { $0.unsweptSessions(grace: grace, limit: limit) }
    }

    func unpublished(_ names: [String]) async throws(BerthError) -> [String] { try await ask { $0.unpublished(names) } }

    func tombstone(_ names: [String], under term: ManagerTerm) async throws(BerthError) -> [String] {
        try await ask { $0.tombstone(names, under: term) }
    }

    func markSwept(_ session: SessionID, under term: ManagerTerm) async throws(BerthError) {
        try await ask { store in if store.holds(term) { store.sweptSessions.insert(session) } }
    }

    /// The simulation has no REST API, hence no keys.
    func forgetIdempotencyKeys(olderThanHours hours: Int) async throws(BerthError) {}
}
