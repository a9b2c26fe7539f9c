import FleetModel
import FleetStore
import HTTPTypes
import Hummingbird

extension AdminAPI {
    var nodeEndpoints: [Endpoint] {
        [
            Endpoint(
                method: .get, path: "/v1/nodes", access: .token(.read, reach: .fleet)
            ) { _ async throws(BerthError) in
                try .json(NodeList(nodes: try await fleet.catalogue.nodes().map(NodeResource.init)))
            },
            Endpoint(
                method: .get, path: "/v1/nodes/{name}", access: .token(.read, reach: .fleet)
            ) { call async throws(BerthError) in
                try .json(NodeResource(try await fleet.catalogue.node(named: try call.nodeName())))
            },
            Endpoint(
                method: .get, path: "/v1/nodes/{name}/databases", access: .token(.read, reach: .fleet),
                query: ["limit", "cursor"]
            ) { call async throws(BerthError) in
                let node = try await fleet.catalogue.node(named: try call.nodeName())
                return try await listDatabases(call, leader: node.name)
            },
            Endpoint(
                method: .post, path: "/v1/nodes/{name}/cordon", access: .token(.operate, reach: .fleet)
            ) { call async throws(BerthError) in try await set(.cordoned, call) },
            Endpoint(
                method: .post, path: "/v1/nodes/{name}/uncordon", access: .token(.operate, reach: .fleet)
            ) { call async throws(BerthError) in try await set(.active, call) },
            Endpoint(
                method: .post, path: "/v1/nodes/{name}/drain", access: .token(.operate, reach: .fleet),
                product: .operation
            ) { call async throws(BerthError) in try await drain(call) },
        ]
    }

    private func set(_ state: NodeState, _ call: Call) async throws(BerthError) -> Answer {
        let name = try call.nodeName()
        try await fleet.catalogue.setState(state, of: name)
        return try .json(NodeResource(try await fleet.catalogue.node(named: name)))
    }

    private func drain(_ call: Call) async throws(BerthError) -> Answer {
        let name = try call.nodeName()
        let nodes = try await fleet.catalogue.nodes()
        guard nodes.contains(where: { $0.name == name }) else {
            throw BerthError(.nodeNotFound, "There is no node named “\(name)”. `berth node list` shows those there are.")
        }
        guard nodes.contains(where: { $0.name != name && $0.isAlive && $0.state == .active }) else {
            throw BerthError(
                .lastNode,
                "No other node is alive and active, so the databases of “\(name)” have nowhere to go. Start or uncordon "
                    + "another node first.")
        }
        return try await open(.drain, node: name)
    }
}
