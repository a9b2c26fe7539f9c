import FleetModel
import HTTPTypes
import Hummingbird
import Telemetry

extension AdminAPI {
    /// For load balancers, supervisors and Prometheus: no token.
    var healthEndpoints: [Endpoint] {
        [
            Endpoint(method: .get, path: "/healthz", access: .open) { _ async throws(BerthError) in
                try .json(["status": "ok"])
            },
            Endpoint(method: .get, path: "/readyz", access: .open) { _ async throws(BerthError) in
                try await fleet.checkReadiness()
                return try .json(["status": "ready"])
            },
            Endpoint(method: .get, path: "/metrics", access: .open) { _ async throws(BerthError) in
                Answer(status: .ok, contentType: PrometheusRegistry.contentType, body: fleet.renderMetrics())
            },
        ]
    }
}
