public import Door
public import FleetModel
public import Hrana

/// How a gateway listens, what it accepts, and how long it waits.
public struct GatewayConfiguration: Sendable {
    /// Address to listen on.
    public var host: String
    /// 0 lets the system choose; `Gateway.start()` says which it was.
    public var port: Int
    /// The node this gateway lives in; it never forwards to that one. `nil` for a gateway on its own.
    public var node: NodeName?
    public var naming = DatabaseNaming()
    /// Threads that serve sockets; `nil` for one per core.
    public var eventLoops: Int?
    public var limits: GatewayLimits

    public init(host: String = "127.0.0.1", port: Int, node: NodeName? = nil, limits: GatewayLimits = GatewayLimits()) {
        self.host = host
        self.port = port
        self.node = node
        self.limits = limits
    }
}

/// Bounds of one gateway: sizes, times and how much may queue.
public struct GatewayLimits: Sendable {
    /// Connections, heads, slow bodies and slow readers.
    ///
    /// `door.idle` is longer than `peerIdle`, so that a peer does not send into a connection that is just being closed.
    public var door = DoorLimits()
    /// A larger request body is answered `body_too_large`.
    public var bodyBytes = 16 << 20
    /// Bytes of the bodies of requests that arrive, wait or are being carried out, of all databases; with more, `node_busy`.
    public var bodiesInFlight = 256 << 20
    /// Requests to one database that arrive, wait or are being carried out, and the bytes of their bodies; with more,
    /// `database_busy`.
    public var requestsPerDatabase = 1_024
    public var bodyBytesPerDatabase = 64 << 20
    /// A body up to this size is read to its end when its request is refused, and the connection kept.
    public var discardedBody = 64 << 10
    /// In-flight requests have this long to finish at shutdown.
    public var shutdownGrace = Duration.seconds(10)

    /// A request waits at most this long for a leader, from its arrival.
    public var wait = Duration.seconds(10)
    /// Requests that may wait at once, and the bytes of their bodies.
    public var waitingRequests = 4096
    public var waitingBytes = 256 << 20

    /// To reach another node. Short: nodes are near each other, and nothing was sent yet.
    public var connect = Duration.seconds(1)
    /// An idle connection to another node is kept this long.
    public var peerIdle = Duration.seconds(30)
    /// Connections to one other node; each carries one request at a time.
    public var connectionsPerPeer = 1024
    /// A forwarded request without a reply is given up after this time, its outcome unknown.
    public var reply = Duration.seconds(120)
    /// A larger reply of another node is not passed on.
    public var replyBytes = 64 << 20
    /// A reply that takes longer than this is doubted: has the node lost the database meanwhile?
    public var doubt = Duration.seconds(1)
    /// While a reply is doubted the route is looked up this often, and whenever a hint arrives.
    public var doubtInterval = Duration.seconds(5)
    /// A node that lost the database has this long to deliver a reply it already sent.
    public var lateReply = Duration.milliseconds(500)

    /// What was learned of a token is believed this long; so is a revocation noticed at the latest.
    public var tokenFresh = Duration.seconds(5)
    /// The same while the store cannot be read.
    public var tokenStale = Duration.seconds(60)
    /// Tokens that are remembered.
    public var tokens = 10_000

    public init() {}
}
