import AdminAPI
import FleetModel
import FleetStore
import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct DatabaseEndpointTests {
    @Test func createsWithDefaultsAndSaysWhere() async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(.post, "/v1/databases", json: #"{"name": "shop"}"#, as: .operate)
            #expect(reply.status == 201)
            #expect(reply["Location"] == "/v1/databases/shop")
            #expect(reply["Content-Type"] == "application/json")
            let database: DatabaseResource = try reply.resource()
            #expect(database.name == "shop" && database.engine == "sqlite" && database.durability == "local")
            #expect(database.placedOn == "node-1" && database.leader == nil && database.epoch == 0)
            #expect(database.head == .init(seq: 0, checksum: "0000000000000000"))
            #expect(UUID(uuidString: database.id) != nil)
            // Members without a value are there all the same.
            #expect(reply.text.contains(#""leader":null"#) && reply.text.contains(#""ship_lag_ms":null"#))
            let again: DatabaseResource = try await fleet.call(.get, "/v1/databases/shop", as: .read).resource()
            #expect(again == database)
        }
    }

    @Test func createsWithDurabilityBucket() async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(
                .post, "/v1/databases", json: #"{"name": "a", "engine": "sqlite", "durability": "bucket"}"#)
            #expect(try reply.resource(DatabaseResource.self).durability == "bucket")
        }
    }

    /// On unless asked for otherwise, and said in every answer.
    @Test func createsWithForeignKeysOrWithout() async throws {
        try await AdminFleet.run { fleet in
            for (index, (json, expected)) in [("", true), (#", "foreign_keys": null"#, true), (#", "foreign_keys": true"#, true), (#", "foreign_keys": false"#, false)].enumerated() {
                let name = "a\(index)"
                let created: DatabaseResource = try await fleet.call(.post, "/v1/databases", json: #"{"name": "\#(name)"\#(json)}"#).resource()
                #expect(created.foreignKeys == expected)
                #expect(try await fleet.call(.get, "/v1/databases/\(name)").text.contains(#""foreign_keys":\#(expected)"#))
            }
            let word = try await fleet.call(.post, "/v1/databases", json: #"{"name": "b", "foreign_keys": "on"}"#)
            #expect(word.outcome == "400 malformed_request")
            let duckdb = try await fleet.call(.post, "/v1/databases", json: #"{"name": "b", "engine": "duckdb", "foreign_keys": false}"#)
            #expect(duckdb.outcome == "400 invalid_argument")
        }
    }

    @Test func refusesADuplicateAndChangesNothing() async throws {
        try await AdminFleet.run { fleet in
            let first = try await fleet.makeDatabase("shop")
            let second = try await fleet.call(.post, "/v1/databases", json: #"{"name": "shop", "durability": "bucket"}"#)
            #expect(second.outcome == "409 database_exists")
            #expect(try await fleet.call(.get, "/v1/databases/shop").resource() == first)
        }
    }

    @Test(arguments: ["", "UPPER", "-a", "a-", "a b", "a.b", "ü", "a\u{0000}", String(repeating: "a", count: 64)])
    func refusesABadName(name: String) async throws {
        try await AdminFleet.run { fleet in
            let json = String(decoding: try JSONEncoder().encode(["name": name]), as: UTF8.self)
            #expect(try await fleet.call(.post, "/v1/databases", json: json).outcome == "400 invalid_database_name")
            #expect(try await fleet.call(.get, "/v1/databases").resource(DatabasePage.self).databases.isEmpty)
        }
    }

    @Test func refusesWhatIsNoChoice() async throws {
        try await AdminFleet.run { fleet in
            for json in [#"{"name": "a", "engine": "oracle"}"#, #"{"name": "a", "durability": "none"}"#] {
                let reply = try await fleet.call(.post, "/v1/databases", json: json)
                #expect(reply.outcome == "400 invalid_argument")
            }
        }
    }

    @Test func createsNothingWithoutANode() async throws {
        let noNode: @Sendable (EngineKind) async throws(BerthError) -> NodeName = { _ async throws(BerthError) in
            throw BerthError(.noNodeAvailable, "No node.")
        }
        try await AdminFleet.run(place: noNode) { fleet in
            let reply = try await fleet.call(.post, "/v1/databases", json: #"{"name": "a"}"#)
            #expect(reply.outcome == "503 no_node_available")
            #expect(reply["Retry-After"] == "1")
            #expect(try await fleet.call(.get, "/v1/databases/a").outcome == "404 database_not_found")
        }
    }

    @Test func showsTheLeaderItsHeadAndTheLag() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.makeDatabase("shop")
            try await fleet.lead("shop", from: "node-2", seq: 7)
            fleet.lags.value = ["shop": .milliseconds(1250)]
            let database: DatabaseResource = try await fleet.call(.get, "/v1/databases/shop").resource()
            #expect(database.leader == "node-2" && database.leaderAddress == "http://node-2:8080")
            #expect(database.epoch == 1 && database.head == .init(seq: 7, checksum: "00000000000000ff"))
            #expect(database.shipLagMs == 1250)
            let route: RouteResource = try await fleet.call(.get, "/v1/routes/shop").resource()
            #expect(route.database == database.id && route.node == "node-2" && route.address == "http://node-2:8080")
            #expect(route.epoch == 1 && route.session != nil)
            try await fleet.endSession(of: "node-2")
            #expect(try await fleet.call(.get, "/v1/databases/shop").resource(DatabaseResource.self).leader == nil)
        }
    }

    @Test func listsInPagesWithFilters() async throws {
        try await AdminFleet.run { fleet in
            for name in ["b-2", "a-1", "b-1", "b-3", "c"] { try await fleet.makeDatabase(name) }
            for name in ["b-2", "c"] { try await fleet.lead(name, from: "node-2") }
            var listed: [String] = []
            var path = "/v1/databases?limit=2"
            var pages = 0
            while true {
                let page: DatabasePage = try await fleet.call(.get, path).resource()
                listed += page.databases.map(\.name)
                pages += 1
                guard let cursor = page.nextCursor else { break }
                path = "/v1/databases?limit=2&cursor=\(cursor)"
            }
            #expect(listed == ["a-1", "b-1", "b-2", "b-3", "c"] && pages == 3)
            func names(_ query: String) async throws -> [String] {
                try await fleet.call(.get, "/v1/\(query)").resource(DatabasePage.self).databases.map(\.name)
            }
            #expect(try await names("databases?prefix=b-") == ["b-1", "b-2", "b-3"])
            #expect(try await names("databases?leader=node-2") == ["b-2", "c"])
            #expect(try await names("databases?leader=node-2&prefix=b&limit=5") == ["b-2"])
            #expect(try await names("nodes/node-2/databases?limit=1") == ["b-2"])
            // A full last page is the last one.
            #expect(try await fleet.call(.get, "/v1/databases?limit=5").resource(DatabasePage.self).nextCursor == nil)
        }
    }

    @Test(arguments: [
        "limit=0", "limit=1001", "limit=x", "limit=", "limit=1&limit=2", "cursor=%00", "cursor=", "prefix=%00", "prefix=A", "prefix=\(String(repeating: "a", count: 64))",
        "leeder=node-1", "%20",
    ])
    func refusesABadQuery(query: String) async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(.get, "/v1/databases?\(query)")
            #expect(reply.outcome == "400 invalid_argument")
        }
    }

    @Test func asksForAMove() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.makeDatabase("shop")
            let reply = try await fleet.call(.post, "/v1/databases/shop/move", json: #"{"to": "node-2"}"#, as: .operate)
            #expect(reply.status == 202)
            let operation: OperationResource = try reply.resource()
            #expect(reply["Location"] == "/v1/operations/\(operation.id)")
            #expect(operation.kind == "move" && operation.database == "shop" && operation.node == "node-2")
            #expect(operation.state == "pending" && operation.finishedAt == nil && !operation.cancelRequested)
            let second = try await fleet.call(.post, "/v1/databases/shop/failover")
            #expect(second.outcome == "409 operation_conflict")
        }
    }

    @Test func refusesAMoveThatCannotWork() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.makeDatabase("shop")
            #expect(try await fleet.call(.post, "/v1/nodes/node-2/cordon").status == 200)
            try await fleet.endSession(of: "node-3")
            func move(_ database: String, to node: String) async throws -> String {
                try await fleet.call(.post, "/v1/databases/\(database)/move", json: #"{"to": "\#(node)"}"#).outcome
            }
            #expect(try await move("shop", to: "node-2") == "409 node_cordoned")
            #expect(try await move("shop", to: "node-3") == "409 node_dead")
            #expect(try await move("shop", to: "node-9") == "404 node_not_found")
            #expect(try await move("shop", to: "NODE") == "400 invalid_node_name")
            #expect(try await move("none", to: "node-1") == "404 database_not_found")
            #expect(try await fleet.call(.get, "/v1/operations").resource(OperationPage.self).operations.isEmpty)
        }
    }

    @Test func asksForAFailover() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.makeDatabase("shop")
            let reply = try await fleet.call(.post, "/v1/databases/shop/failover", json: "{}")
            #expect(reply.status == 202)
            let operation: OperationResource = try reply.resource()
            #expect(operation.kind == "failover" && operation.database == "shop" && operation.node == nil)
            #expect(try await fleet.call(.post, "/v1/databases/none/failover").outcome == "404 database_not_found")
        }
    }
}
