import FleetModel
import FleetStore

/// Where a database is served.
public struct RouteResource: Codable, Sendable, Hashable {
    /// The database's identifier.
    public var database: String
    public var name: String
    public var epoch: Int64
    /// The leader's session, node and address; `nil` while nobody leads.
    @OrNull public var session: String?
    @OrNull public var node: String?
    @OrNull public var address: String?

    init(_ record: RouteRecord) {
        database = record.database.description
        name = record.name.description
        epoch = record.epoch.value
        session = record.session?.description
        node = record.node?.description
        address = record.address
    }
}
