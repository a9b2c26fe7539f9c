import FleetModel
import FleetStore

/// A worker node as the API shows it.
public struct NodeResource: Codable, Sendable, Hashable {
    public var name: String
    public var address: String
    /// `active` or `cordoned`.
    public var state: String
    /// The engines it can serve, such as `sqlite`.
    public var engines: [String]
    /// Whether it has a live session.
    public var alive: Bool
    @OrNull public var session: String?
    /// When the live session was opened, RFC 3339.
    @OrNull public var startedAt: String?
    /// The program of the live session, such as `0.1.0`; empty when it did not tell.
    @OrNull public var version: String?
    /// What it says to other nodes; 0 when it did not tell.
    @OrNull public var protocolVersion: Int?
    /// The newest format of bundles and changesets it reads and can write.
    @OrNull public var formatVersion: Int?
    /// Databases that should be led here.
    public var placed: Int64
    /// Databases that are led here.
    public var leading: Int64

    init(_ status: NodeStatus) {
        name = status.name.description
        address = status.address
        state = status.state.rawValue
        engines = status.engines.map(\.rawValue).sorted()
        alive = status.isAlive
        session = status.session?.description
        startedAt = status.startedAt.map(ResourceCoding.timestamp)
        version = status.program?.name
        protocolVersion = status.program?.protocol
        formatVersion = status.program?.format
        placed = status.placed
        leading = status.leading
    }
}

/// All nodes.
public struct NodeList: Codable, Sendable, Hashable {
    public var nodes: [NodeResource]
}
