import FleetModel
import Foundation
import Gateway
import Routing
import Synchronization
import Telemetry
import WorkerNode

/// The node of a gateway that is bound before its node can be made: the node's address holds the port.
final class LateNode: LocalDatabases {
    private let node = Mutex<WorkerNode?>(nil)

    func set(_ node: WorkerNode) { self.node.withLock { $0 = node } }
    var current: WorkerNode? { node.withLock { $0 } }

    func leads(_ name: DatabaseName) -> Bool { current?.leads(name) ?? false }

    func serve(_ call: DataCall) async throws(BerthError) -> DataReply {
        guard let node = current else { throw BerthError(.notLeader, "This node is still starting.") }
        return try await node.serve(call)
    }
}

/// What a node's or gateway's data port answers besides the data protocols.
enum NodeEndpoints {
    static func all(registry: PrometheusRegistry, node: LateNode) -> [String: BuiltInEndpoint] {
        var endpoints = health(registry: registry) { () throws(BerthError) in
            guard let node = node.current, node.isReady else {
                throw BerthError(.leaderUnavailable, "This node has no session confirmed by the lease store.")
            }
        }
        endpoints[ShipLagReader.path] = { (_: BuiltInRequest) -> DataReply in
            let lags = node.current?.shipLags() ?? [:]
            let json = Dictionary(uniqueKeysWithValues: lags.map { ($0.key.description, $0.value.milliseconds) })
            return DataReply(body: Array((try? JSONEncoder().encode(json)) ?? Data("{}".utf8)))
        }
        return endpoints
    }

    static func health(
        registry: PrometheusRegistry, check: @escaping @Sendable () throws(BerthError) -> Void
    ) -> [String: BuiltInEndpoint] {
        [
            "/healthz": { _ in text(200, "ok\n") },
            "/readyz": { _ in
                do throws(BerthError) {
                    try check()
                    return text(200, "ready\n")
                } catch {
                    return text(503, "\(error)\n")
                }
            },
            "/metrics": { _ in
                DataReply(status: 200, contentType: PrometheusRegistry.contentType, body: registry.render())
            },
        ]
    }

    private static func text(_ status: Int, _ text: String) -> DataReply {
        DataReply(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }
}
