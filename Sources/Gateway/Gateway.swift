import Door
public import FleetModel
public import Logging
import NIOCore
import NIOPosix
public import Routing
public import ServiceLifecycle
import Synchronization

/// The front door of the data protocols: names a request's database, checks its token and has its leader answer.
///
/// Every node contains one, with the node's own databases as `local`; one on its own has none and forwards everything.
/// `start()` binds and serves; `run()` keeps it serving until the service group shuts down.
public final class Gateway: Service {
    private struct Running {
        var listener: any Channel
        var door: Door
        var forwarder: Forwarder
        var eventLoops: MultiThreadedEventLoopGroup
        var port: Int
    }

    private enum State {
        case ready
        case starting
        case running(Running)
        case ended
    }

    private let configuration: GatewayConfiguration
    private let local: (any LocalDatabases)?
    private let routes: RouteTable
    private let tokens: any TokenSource
    private let endpoints: [String: BuiltInEndpoint]
    private let clock: any FleetClock
    private let wallClock: @Sendable () -> Double
    private let logger: Logger
    private let admissions: Admissions
    private let state = Mutex(State.ready)

    /// - Parameters:
    ///   - local: the databases of the node it lives in.
    ///   - routes: its owner runs it on the store's hints.
    ///   - endpoints: what answers at exact paths that belong to no database.
    ///   - wallClock: seconds since 1970, for the expiry of tokens.
    public init(
        configuration: GatewayConfiguration, local: (any LocalDatabases)? = nil, routes: RouteTable,
        tokens: any TokenSource, endpoints: [String: BuiltInEndpoint] = [:], clock: any FleetClock,
        wallClock: @escaping @Sendable () -> Double = systemWallClock, logger: Logger
    ) {
        self.configuration = configuration
        admissions = Admissions(configuration.limits)
        self.local = local
        self.routes = routes
        self.tokens = tokens
        self.endpoints = endpoints
        self.clock = clock
        self.wallClock = wallClock
        self.logger = logger
    }

    /// Binds and begins to serve.
    ///
    /// - Returns: the port it listens on, which matters when port 0 was asked for.
    /// - Throws: `configuration_invalid` when the address cannot be bound.
    @discardableResult
    public func start() async throws(BerthError) -> Int {
        let mayStart = state.withLock { state in
            guard case .ready = state else { return false }
            state = .starting
            return true
        }
        guard mayStart else { throw BerthError(.internalError, "A gateway is started once.") }

        let limits = configuration.limits
        let eventLoops = MultiThreadedEventLoopGroup(
            numberOfThreads: max(1, configuration.eventLoops ?? System.coreCount))
        let forwarder = Forwarder(eventLoops: eventLoops, limits: limits)
        let door = Door(limits.door)
        let server = HTTPServer(eventLoops: eventLoops, door: door, frontDoor: frontDoor(forwarder))
        do {
            let listener = try await server.listen(host: configuration.host, port: configuration.port)
            let port = listener.localAddress?.port ?? configuration.port
            state.withLock {
                $0 = .running(
                    Running(
                        listener: listener, door: door, forwarder: forwarder, eventLoops: eventLoops, port: port))
            }
            logger.info("gateway listens", metadata: ["host": "\(configuration.host)", "port": "\(port)"])
            return port
        } catch {
            state.withLock { $0 = .ended }
            try? await forwarder.shutdown()
            try? await eventLoops.shutdownGracefully()
            throw BerthError(
                .configurationInvalid,
                "The gateway cannot listen on \(configuration.host):\(configuration.port): \(error). Choose another address or port.")
        }
    }

    /// Serves until graceful shutdown, then as `shutDown()`. Starts first if nobody did.
    public func run() async throws {
        if case .ready = state.withLock({ $0 }) { try await start() }
        // Cancellation ends it the same way.
        try? await gracefulShutdown()
        await shutDown()
    }

    /// Accepts nothing new, lets requests at work finish within `limits.shutdownGrace`, closes everything.
    public func shutDown() async {
        let running: Running? = state.withLock { state in
            guard case .running(let running) = state else { return nil }
            state = .ended
            return running
        }
        guard let running else { return }
        try? await running.listener.close()
        let eventLoop = running.eventLoops.next()
        let quiet = running.door.quiesce(on: eventLoop)
        let grace = eventLoop.scheduleTask(in: .nanoseconds(configuration.limits.shutdownGrace.nanoseconds)) {
            running.door.closeAll()
        }
        try? await quiet.get()
        grace.cancel()
        try? await running.forwarder.shutdown()
        try? await running.eventLoops.shutdownGracefully()
        logger.info("gateway closed", metadata: ["port": "\(running.port)"])
    }

    /// What is worth showing of its door while it runs, by metric.
    public func gauges() -> [(name: String, value: Double)] {
        let door: Door? = state.withLock { state in
            guard case .running(let running) = state else { return nil }
            return running.door
        }
        guard let door else { return [] }
        return door.gauges + [("berth_door_body_bytes", Double(admissions.bytes))]
    }

    private func frontDoor(_ forwarder: Forwarder) -> FrontDoor {
        let limits = configuration.limits
        return FrontDoor(
            naming: configuration.naming, endpoints: endpoints,
            gatekeeper: Gatekeeper(
                tokens: TokenCache(source: tokens, clock: clock, limits: limits), routes: routes, wallClock: wallClock),
            admissions: admissions,
            dispatch: LeaderDispatch(
                node: configuration.node, local: local, routes: routes, forwarder: forwarder,
                waitingRoom: WaitingRoom(limits: limits), limits: limits, clock: clock, forwards: ForwardCounters()),
            clock: clock, journal: RequestJournal(logger: logger, clock: clock))
    }
}
