import AsyncHTTPClient
import FleetModel
import Foundation
import InMemoryLogging
import Logging
import NIOCore
import NIOHTTP1
import Routing

@testable import Gateway

/// A gateway on a port of its own for the time of one test.
struct TestGateway {
    let gateway: Gateway
    let routes: RouteTable
    let source: FakeRoutes
    let tokens: FakeTokens
    let port: Int
    private let log: InMemoryLogHandler

    init(_ gateway: Gateway, _ routes: RouteTable, _ source: FakeRoutes, _ tokens: FakeTokens, port: Int, log: InMemoryLogHandler) {
        (self.gateway, self.routes, self.source, self.tokens, self.port, self.log) = (gateway, routes, source, tokens, port, log)
    }

    /// Codes of the errors it was warned of.
    var warnings: [String] {
        log.entries.filter { $0.level == .warning }.map { $0.metadata["code"].map { "\($0)" } ?? "\($0.message)" }
    }

    var url: String { "http://127.0.0.1:\(port)" }

    func gauge(_ name: String) -> Double { gateway.gauges().first { $0.name == name }?.value ?? -1 }

    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var text: String

        /// A text member of the JSON body.
        subscript(member: String) -> String? {
            ((try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any])?[member] as? String
        }
        var epoch: Int? {
            ((try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any])?["epoch"] as? Int
        }
    }

    func send(
        _ method: HTTPMethod = .POST, _ path: String = "/db/shop/v2/pipeline", body: String = "{}", token: String? = "good",
        headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if method == .POST { request.body = .bytes(ByteBuffer(string: body)) }
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, text: String(buffer: bytes))
    }
}

/// Runs `body` with a gateway that is shut down afterwards.
func withGateway(
    node: String? = nil, local: FakeDatabases? = nil, source: FakeRoutes = FakeRoutes(), tokens: FakeTokens = FakeTokens(),
    endpoints: [String: BuiltInEndpoint] = [:], clock: any FleetClock = BootClock(), wallClock: Double = 1_000,
    limits change: (inout GatewayLimits) -> Void = { _ in }, _ body: (TestGateway) async throws -> Void
) async throws {
    var configuration = GatewayConfiguration(port: 0, node: try node.map { try NodeName($0) })
    configuration.eventLoops = 1
    configuration.limits.shutdownGrace = .seconds(5)
    change(&configuration.limits)
    let routes = RouteTable(source: source, clock: clock)
    let log = InMemoryLogHandler()
    let gateway = Gateway(
        configuration: configuration, local: local, routes: routes, tokens: tokens, endpoints: endpoints, clock: clock,
        wallClock: { wallClock }, logger: Logger(label: "test", factory: { _ in log }))
    let port = try await gateway.start()
    do {
        try await body(TestGateway(gateway, routes, source, tokens, port: port, log: log))
    } catch {
        await gateway.shutDown()
        throw error
    }
    await gateway.shutDown()
}
