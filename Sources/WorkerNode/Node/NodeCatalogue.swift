public import FleetModel
public import FleetStore

/// What a node asks the catalogue: where databases should be.
public protocol NodeCatalogue: OpeningCatalogue {
    func assignments(to node: NodeName, session: SessionID) async throws(BerthError) -> [Assignment]
    func handovers(from node: NodeName, session: SessionID) async throws(BerthError) -> [Handover]
    func records(of ids: [DatabaseID]) async throws(BerthError) -> [DatabaseRecord]
    func decline(_ databases: [DatabaseID], on node: NodeName) async throws(BerthError)
    func declarePrepared(
        _ copies: [(database: DatabaseID, copy: CopyID)], on node: NodeName, session: SessionID
    ) async throws(BerthError)
}

extension FleetCatalogue: NodeCatalogue {}
