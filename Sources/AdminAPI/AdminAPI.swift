import Door
public import FleetModel
public import Foundation
import Hummingbird
import HummingbirdCore
public import Logging
public import ServiceLifecycle

/// The admin REST API: what an operator or a program asks of the fleet.
///
/// `api-spec/openapi.yaml` is its contract. It reads and writes the catalogue and nothing else: long actions become
/// operation rows that the leading manager carries out, so every manager can serve it. It never touches leases or data.
///
/// Start reading at `Endpoints/`, one file per resource.
public struct AdminAPI: Service {
    let fleet: FleetAccess
    let settings: Settings
    let clock: any FleetClock
    let now: @Sendable () -> Date
    let tokens: TokenCache
    let logger: Logger
    private let door: Door
    private let onServing: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - fleet: what the endpoints work with.
    ///   - clock: for token lookups and long polls.
    ///   - now: the wall clock that tokens expire by.
    ///   - onServing: called with the bound port once requests are accepted.
    public init(
        fleet: FleetAccess, settings: Settings = Settings(), clock: any FleetClock = BootClock(),
        now: @escaping @Sendable () -> Date = { Date() }, logger: Logger,
        onServing: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.fleet = fleet
        self.settings = settings
        self.clock = clock
        self.now = now
        self.tokens = TokenCache(clock: clock, lifetime: settings.tokenCacheLifetime)
        self.logger = logger
        door = Door(settings.door)
        self.onServing = onServing
    }

    /// Serves until graceful shutdown; requests that are being answered are finished, long polls are answered at once.
    ///
    /// - Throws: when the address cannot be bound.
    public func run() async throws {
        try await application().run()
    }

    func application() -> Application<RouterResponder<AdminContext>> {
        Application(
            router: router(),
            server: HTTPServerBuilder { [door] responder in GuardedChannel(door, responder: responder) },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: "berth"),
            onServerRunning: { [onServing] channel in
                if let port = channel.localAddress?.port { await onServing(port) }
            },
            logger: logger)
    }

    private func router() -> Router<AdminContext> {
        let router = Router(context: AdminContext.self)
        let endpoints = allEndpoints
        invariant(Set(endpoints.map { "\($0.method) \($0.path)" }).count == endpoints.count, "two endpoints have one path")
        router.add(middleware: Front(clock: clock, logger: logger))
        router.add(middleware: UnknownRoutes(endpoints: endpoints))
        for endpoint in endpoints {
            router.on(endpoint.path, method: endpoint.method) { request, context in
                try await answer(request, context, with: endpoint)
            }
        }
        return router
    }

    /// What is worth showing of its door, by metric.
    public func gauges() -> [(name: String, value: Double)] { door.gauges }

    /// A token that came over this connection was accepted.
    func becameKnown(_ context: AdminContext) { door.becameKnown(context.channel) }

    var allEndpoints: [Endpoint] {
        databaseEndpoints + fleetEndpoints + nodeEndpoints + operationEndpoints + routeEndpoints + tokenEndpoints + healthEndpoints
    }
}
