public import FleetModel
public import FleetStore

/// What a manager reads of the catalogue and the intents it writes there, each guarded by its term.
///
/// The contract of every method is that of the `FleetCatalogue` method of the same name.
public protocol ManagerCatalogue: Sendable {
    // MARK: Nodes
    func nodes() async throws(BerthError) -> [NodeStatus]
    func node(named name: NodeName) async throws(BerthError) -> NodeStatus
    func nodeNames() async throws(BerthError) -> [NodeName]
    func databasesOfUnknownKind() async throws(BerthError) -> Int64
    func setState(_ state: NodeState, of name: NodeName) async throws(BerthError)

    // MARK: Placements
    func database(_ id: DatabaseID) async throws(BerthError) -> DatabaseStatus?
    func databases(
        on node: NodeName, limit: Int
    ) async throws(BerthError) -> [PlacedDatabase]
    func orphans(
        absent: [NodeName], limit: Int
    ) async throws(BerthError) -> [PlacedDatabase]
    func stranded(
        on absent: [NodeName], limit: Int
    ) async throws(BerthError) -> [(database: DatabaseID, placedOn: NodeName, leader: NodeName)]
    @discardableResult
    func place(
        _ moves: [(database: DatabaseID, from: NodeName, to: NodeName)], by operation: OperationID?, under term: ManagerTerm
    ) async throws(BerthError) -> Set<DatabaseID>
    func placed(by operation: OperationID) async throws(BerthError) -> [DatabaseID]

    // MARK: Openings
    func wantServed(_ databases: [DatabaseID], under term: ManagerTerm) async throws(BerthError)
    func unserved(among databases: [DatabaseID]) async throws(BerthError) -> [UnservedDatabase]

    // MARK: Operations
    func operation(_ id: OperationID) async throws(BerthError) -> OperationRecord
    func operations(openOnly: Bool, before: OperationID?, limit: Int) async throws(BerthError) -> [OperationRecord]
    @discardableResult
    func update(
        _ id: OperationID, state: OperationState, done: Int64, total: Int64, error: BerthError?, under term: ManagerTerm
    ) async throws(BerthError) -> Bool

    // MARK: Sweeping
    func unsweptSessions(
        grace: Duration, limit: Int
    ) async throws(BerthError) -> [(session: SessionID, node: NodeName)]
    func unpublished(_ names: [String]) async throws(BerthError) -> [String]
    func tombstone(_ names: [String], under term: ManagerTerm) async throws(BerthError) -> [String]
    func markSwept(_ session: SessionID, under term: ManagerTerm) async throws(BerthError)
    func forgetIdempotencyKeys(olderThanHours hours: Int) async throws(BerthError)
}

extension FleetCatalogue: ManagerCatalogue {}

extension ManagerCatalogue {
    /// Places databases for no operation's sake.
    @discardableResult
    func place(
        _ moves: [(database: DatabaseID, from: NodeName, to: NodeName)], under term: ManagerTerm
    ) async throws(BerthError) -> Set<DatabaseID> {
        try await place(moves, by: nil, under: term)
    }
}
