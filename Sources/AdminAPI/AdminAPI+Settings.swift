public import Door
public import FleetModel
public import FleetStore

extension AdminAPI {
    /// Where the API listens and what it puts up with.
    public struct Settings: Sendable {
        public var host: String
        /// 0 lets the system choose; `onServing` reports which.
        public var port: Int
        /// Connections, heads, slow bodies and slow readers.
        public var door: DoorLimits
        /// The longest request body, in bytes.
        public var bodyLimit: Int
        /// How long a looked-up token is believed, and so how long a revocation on another manager may go unnoticed.
        public var tokenCacheLifetime: Duration

        public init(
            host: String = "127.0.0.1", port: Int = 0, bodyLimit: Int = 1 << 20,
            tokenCacheLifetime: Duration = .seconds(2), door: DoorLimits = DoorLimits()
        ) {
            self.host = host
            self.port = port
            self.bodyLimit = bodyLimit
            self.tokenCacheLifetime = tokenCacheLifetime
            self.door = door
        }
    }

    /// What the endpoints work with.
    public struct FleetAccess: Sendable {
        public var catalogue: FleetCatalogue
        /// Wakes long polls.
        public var hints: HintSource
        /// Chooses the node of a new database; throws `no_node_available`.
        public var choosePlacement: @Sendable (EngineKind) async throws(BerthError) -> NodeName
        /// Time since the oldest unshipped commit; a database that is missing from the answer is shown as unknown.
        public var shipLags: @Sendable ([DatabaseStatus]) async -> [DatabaseID: Duration]
        /// The process's metrics in the Prometheus text format.
        public var renderMetrics: @Sendable () -> [UInt8]
        /// Throws what keeps this process from serving, for instance `store_unavailable`.
        public var checkReadiness: @Sendable () async throws(BerthError) -> Void

        public init(
            catalogue: FleetCatalogue, hints: HintSource,
            choosePlacement: @escaping @Sendable (EngineKind) async throws(BerthError) -> NodeName,
            shipLags: @escaping @Sendable ([DatabaseStatus]) async -> [DatabaseID: Duration],
            renderMetrics: @escaping @Sendable () -> [UInt8],
            checkReadiness: @escaping @Sendable () async throws(BerthError) -> Void
        ) {
            self.catalogue = catalogue
            self.hints = hints
            self.choosePlacement = choosePlacement
            self.shipLags = shipLags
            self.renderMetrics = renderMetrics
            self.checkReadiness = checkReadiness
        }
    }
}
