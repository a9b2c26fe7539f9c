@testable import AdminAPI
import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Metrics
import ServiceLifecycle
import Telemetry
import Testing

@Suite struct ServingTests {
    @Test func tellsHowItIsWithoutAToken() async throws {
        try await AdminFleet.run(metrics: { Array("berth_up 1\n".utf8) }) { fleet in
            let health = try await fleet.call(.get, "/healthz", as: nil)
            #expect(health.status == 200 && health.text == #"{"status":"ok"}"#)
            let ready = try await fleet.call(.get, "/readyz", as: nil)
            #expect(ready.status == 200 && ready.text == #"{"status":"ready"}"#)
            fleet.readiness.value = BerthError(.storeUnavailable, "Postgres is away.")
            let unready = try await fleet.call(.get, "/readyz", as: nil)
            #expect(unready.outcome == "503 store_unavailable" && unready["Retry-After"] == "1")
            #expect(try await fleet.call(.get, "/healthz", as: nil).status == 200)
            let metrics = try await fleet.call(.get, "/metrics", as: nil)
            #expect(metrics.text == "berth_up 1\n")
            #expect(metrics["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        }
    }

    @Test func saysWhenPostgresIsAway() async throws {
        try await AdminFleet.run { fleet in
            await fleet.pool.close()
            let reply = try await fleet.call(.get, "/v1/nodes")
            #expect(reply.outcome == "503 store_unavailable" && reply["Retry-After"] == "1")
        }
    }

    @Test func countsRequestsByRouteAndNotByPath() async throws {
        let registry = PrometheusRegistry()
        try await AdminFleet.run { fleet in
            try await withMetricsFactory(registry) {
                for name in ["a", "b"] { _ = try await fleet.call(.get, "/v1/databases/\(name)") }
                _ = try await fleet.call(.get, "/made/up")
                _ = try await fleet.call(.put, "/v1/nodes")
            }
        }
        let text = registry.renderText()
        let prefix = "berth_admin_requests_total"
        #expect(text.contains("\(prefix){method=\"GET\",route=\"/v1/databases/{name}\",status=\"404\"} 2\n"))
        #expect(text.contains("\(prefix){method=\"unknown\",route=\"unknown\",status=\"404\"} 1\n"))
        #expect(text.contains("\(prefix){method=\"unknown\",route=\"unknown\",status=\"405\"} 1\n"))
        #expect(text.contains("berth_admin_request_seconds_count{route=\"/v1/databases/{name}\"} 2\n"))
    }

    @Test func answersOnAPortOfItsOwn() async throws {
        try await AdminFleet.run(setup: .live) { fleet in
            #expect(try await fleet.makeDatabase("shop").name == "shop")
            // What follows an over-long body on the same connection is answered as well.
            let tooLong = try await fleet.call(.post, "/v1/databases", json: String(repeating: " ", count: 100_000))
            #expect(tooLong.outcome == "413 body_too_large")
            let head = try await fleet.call(.head, "/v1/nodes")
            #expect(head.status == 405 && head.body.isEmpty)
            #expect(try await fleet.call(.get, "/v1/databases/shop").status == 200)
        }
    }

    @Test func shutsDownGracefullyAndReportsItsPort() async throws {
        try await AdminFleet.run { fleet in
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            let api = AdminAPI(fleet: fleet.api.fleet, logger: .silent) { port.yield($0) }
            let group = ServiceGroup(configuration: .init(services: [api], logger: .silent))
            async let running: Void = group.run()
            var iterator = ports.makeAsyncIterator()
            #expect(try #require(await iterator.next()) > 0)
            await group.triggerGracefulShutdown()
            try await running
        }
    }
}
