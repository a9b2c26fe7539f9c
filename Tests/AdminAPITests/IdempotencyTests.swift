import AdminAPI
import FleetModel
import FleetStore
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct IdempotencyTests {
    private func key(_ value: String) throws -> HTTPFields { [try #require(HTTPField.Name("Idempotency-Key")): value] }

    @Test func answersAgainAsBefore() async throws {
        try await AdminFleet.run { fleet in
            let key = try key("k1")
            let first = try await fleet.call(.post, "/v1/databases", json: #"{"name": "shop"}"#, headers: key)
            let second = try await fleet.call(.post, "/v1/databases", json: #"{"name": "shop"}"#, headers: key)
            #expect(first.status == 201 && second.status == 201)
            #expect(first.body == second.body)
            #expect(first["Idempotency-Replayed"] == nil && second["Idempotency-Replayed"] == "true")
            #expect(second["Location"] == "/v1/databases/shop" && second["Content-Type"] == "application/json")
            let move = try await fleet.call(
                .post, "/v1/databases/shop/move", json: #"{"to": "node-2"}"#, headers: try self.key("k2"))
            let again = try await fleet.call(
                .post, "/v1/databases/shop/move", json: #"{"to": "node-2"}"#, headers: try self.key("k2"))
            #expect(move.status == 202 && again.body == move.body && again["Location"] == move["Location"])
        }
    }

    @Test func oneKeyIsForOneRequest() async throws {
        try await AdminFleet.run { fleet in
            let key = try key("k")
            #expect(try await fleet.call(.post, "/v1/databases", json: #"{"name": "a"}"#, headers: key).status == 201)
            for (path, json) in [
                ("/v1/databases", #"{"name": "b"}"#), ("/v1/databases/a/move", #"{"to": "node-2"}"#),
                ("/v1/nodes/node-1/cordon", ""),
            ] {
                let reply = try await fleet.call(.post, path, json: json, headers: key)
                #expect(reply.outcome == "422 idempotency_key_reused", "\(path)")
            }
            // Another token's keys are its own.
            let other = try await fleet.call(.post, "/v1/databases", json: #"{"name": "b"}"#, as: .operate, headers: key)
            #expect(other.status == 201 && other["Idempotency-Replayed"] == nil)
        }
    }

    @Test func duplicatesAtOnceDoItOnce() async throws {
        try await AdminFleet.run { fleet in
            let key = try key("same")
            let outcomes = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await fleet.call(.post, "/v1/nodes/node-1/drain", headers: key).outcome
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(outcomes.contains("202"))
            #expect(outcomes.subtracting(["202", "409 operation_conflict"]).isEmpty)
            let page: OperationPage = try await fleet.call(.get, "/v1/operations").resource()
            #expect(page.operations.count == 1)
            let after: OperationResource = try await fleet.call(.post, "/v1/nodes/node-1/drain", headers: key).resource()
            #expect(after.id == page.operations.first?.id)
        }
    }

    @Test func aFailureFreesTheKey() async throws {
        try await AdminFleet.run { fleet in
            let key = try key("k")
            let json = #"{"to": "node-2"}"#
            try await fleet.makeDatabase("shop")
            #expect(try await fleet.call(.post, "/v1/nodes/node-2/cordon").status == 200)
            let refused = try await fleet.call(.post, "/v1/databases/shop/move", json: json, headers: key)
            #expect(refused.outcome == "409 node_cordoned")
            #expect(try await fleet.call(.post, "/v1/nodes/node-2/uncordon").status == 200)
            let done = try await fleet.call(.post, "/v1/databases/shop/move", json: json, headers: key)
            #expect(done.status == 202 && done["Idempotency-Replayed"] == nil)
        }
    }

    @Test func anUnfinishedRequestIsNotDoneTwice() async throws {
        try await AdminFleet.run { fleet in
            let key = try key("k")
            let json = #"{"name": "shop"}"#
            #expect(try await fleet.call(.post, "/v1/databases", json: json, headers: key).status == 201)
            // As if the first were still being carried out.
            _ = try await fleet.pool.query("update idempotency_keys set status = null, body = null")
            let reply = try await fleet.call(.post, "/v1/databases", json: json, headers: key)
            #expect(reply.outcome == "409 operation_conflict" && reply["Retry-After"] == "1")
        }
    }

    @Test func aCreationWhoseAnswerWasLostKnowsItsDatabase() async throws {
        try await AdminFleet.run { fleet in
            let key = try key("k")
            let json = #"{"name": "shop"}"#
            let first: DatabaseResource = try await fleet.call(.post, "/v1/databases", json: json, headers: key).resource()
            // As after a reply of Postgres that was lost: done, and the key given back.
            _ = try await fleet.pool.query("delete from idempotency_keys")
            let second = try await fleet.call(.post, "/v1/databases", json: json, headers: key)
            #expect(second.status == 201)
            #expect(try second.resource(DatabaseResource.self) == first)
            let stranger = try await fleet.call(.post, "/v1/databases", json: json, headers: try self.key("other"))
            #expect(stranger.outcome == "409 database_exists")
        }
    }

    @Test func secretsAreNotKept() async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(
                .post, "/v1/tokens", json: #"{"name": "a", "scope": "read"}"#, headers: try key("k"))
            #expect(reply.outcome == "400 invalid_argument")
            #expect(try await fleet.pool.query("select from idempotency_keys").isEmpty)
        }
    }

    @Test(arguments: ["", "a b", "ü", String(repeating: "k", count: 256)]) func refusesABadKey(key: String) async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(.post, "/v1/nodes/node-1/cordon", headers: try self.key(key))
            #expect(reply.outcome == "400 invalid_argument")
        }
    }
}
