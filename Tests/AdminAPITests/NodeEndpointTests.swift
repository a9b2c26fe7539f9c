import AdminAPI
import FleetModel
import FleetStore
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct NodeEndpointTests {
    @Test func listsAndShowsNodes() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.makeDatabase("shop")
            try await fleet.lead("shop", from: "node-2")
            try await fleet.endSession(of: "node-3")
            let nodes = try await fleet.call(.get, "/v1/nodes", as: .read).resource(NodeList.self).nodes
            #expect(nodes.map(\.name) == ["node-1", "node-2", "node-3"])
            #expect(nodes.map(\.alive) == [true, true, false])
            #expect(nodes.map(\.placed) == [1, 0, 0] && nodes.map(\.leading) == [0, 1, 0])
            #expect(nodes.allSatisfy { $0.state == "active" })
            #expect(nodes[2].session == nil && nodes[2].startedAt == nil && nodes[1].startedAt != nil)
            let shown: NodeResource = try await fleet.call(.get, "/v1/nodes/node-2", as: .read).resource()
            #expect(shown == nodes[1])
        }
    }

    @Test func cordonsAndUncordons() async throws {
        try await AdminFleet.run { fleet in
            for _ in 0..<2 {
                let node: NodeResource = try await fleet.call(.post, "/v1/nodes/node-1/cordon", as: .operate).resource()
                #expect(node.state == "cordoned")
            }
            let node: NodeResource = try await fleet.call(.post, "/v1/nodes/node-1/uncordon", as: .operate).resource()
            #expect(node.state == "active")
        }
    }

    @Test(arguments: [
        ("GET", "/v1/nodes/x"), ("GET", "/v1/nodes/x/databases"), ("POST", "/v1/nodes/x/cordon"),
        ("POST", "/v1/nodes/x/uncordon"), ("POST", "/v1/nodes/x/drain"),
    ])
    func knowsNoUnknownNode(method: String, path: String) async throws {
        try await AdminFleet.run { fleet in
            let method = try #require(HTTPRequest.Method(method))
            #expect(try await fleet.call(method, path).outcome == "404 node_not_found")
            let badName = path.replacing("/x", with: "/X_")
            #expect(try await fleet.call(method, badName).outcome == "400 invalid_node_name")
        }
    }

    @Test func asksForADrain() async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(.post, "/v1/nodes/node-1/drain", as: .operate)
            #expect(reply.status == 202)
            let operation: OperationResource = try reply.resource()
            #expect(operation.kind == "drain" && operation.node == "node-1" && operation.database == nil)
            #expect(try await fleet.call(.post, "/v1/nodes/node-1/drain").outcome == "409 operation_conflict")
            #expect(try await fleet.call(.post, "/v1/nodes/node-2/drain").status == 202)
        }
    }

    @Test func drainsNotTheLastNode() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.endSession(of: "node-2")
            #expect(try await fleet.call(.post, "/v1/nodes/node-3/cordon").status == 200)
            #expect(try await fleet.call(.post, "/v1/nodes/node-1/drain").outcome == "409 last_node")
            // The dead one may be drained: others live.
            #expect(try await fleet.call(.post, "/v1/nodes/node-2/drain").status == 202)
        }
    }
}
