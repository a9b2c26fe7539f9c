public import FleetModel
public import Hrana

/// The databases of the node a gateway lives in; a gateway on its own has none.
public protocol LocalDatabases: Sendable {
    /// Whether this node leads `name` right now, as far as it knows.
    func leads(_ name: DatabaseName) -> Bool

    /// Carries a call out on a database this node leads.
    ///
    /// - Throws: `BerthError`. `not_leader` and `leader_unavailable` promise that nothing was executed, so the call may
    ///   be sent to the next leader. After `outcome_unknown` it must not be sent again.
    func serve(_ call: DataCall) async throws(BerthError) -> DataReply
}

/// One request of a data protocol, authenticated and with its database named.
public struct DataCall: Sendable {
    public var database: DatabaseName
    public var route: DataRoute
    /// Of the path, without the question mark; only loading has one.
    public var query: String?
    public var body: [UInt8]
    public var access: DataAccess
    /// Binds a baton to the token that opened its stream.
    public var tokenDigest: [UInt8]
    public var requestID: String

    public init(
        database: DatabaseName, route: DataRoute, query: String? = nil, body: [UInt8], access: DataAccess, tokenDigest: [UInt8],
        requestID: String
    ) {
        self.database = database
        self.route = route
        self.query = query
        self.body = body
        self.access = access
        self.tokenDigest = tokenDigest
        self.requestID = requestID
    }
}

/// What a caller may do with the data.
public enum DataAccess: Sendable, Hashable {
    case readOnly
    case readWrite
}
