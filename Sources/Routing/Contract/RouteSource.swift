public import FleetModel
public import FleetStore

/// Where routes are looked up: the truth, and slow.
public protocol RouteSource: Sendable {
    /// Where `name` is served right now; without a leader when nobody serves it.
    ///
    /// - Throws: `database_not_found`, or `store_unavailable` when the truth cannot be read.
    func route(to name: DatabaseName) async throws(BerthError) -> RouteRecord
}

extension FleetCatalogue: RouteSource {}

extension RouteRecord {
    /// Whether somebody leads the database and can be reached.
    public var hasLeader: Bool { address != nil }
}
