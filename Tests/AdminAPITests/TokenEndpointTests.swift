import AdminAPI
import FleetModel
import FleetStore
import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct TokenEndpointTests {
    @Test func showsTheSecretOnceAndItWorks() async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(.post, "/v1/tokens", json: #"{"name": "ci", "scope": "read"}"#)
            #expect(reply.status == 201)
            let created: NewTokenResource = try reply.resource()
            #expect(created.token.name == "ci" && created.token.scope == "read" && created.token.expiresAt == nil)
            #expect(try await fleet.call(.get, "/v1/nodes", secret: created.secret).status == 200)
            let list = try await fleet.call(.get, "/v1/tokens")
            #expect(try list.resource(TokenList.self).tokens.contains(created.token))
            #expect(!list.text.contains(created.secret))
        }
    }

    @Test func expires() async throws {
        try await AdminFleet.run { fleet in
            let created: NewTokenResource = try await fleet.call(
                .post, "/v1/tokens", json: #"{"name": "short", "scope": "read", "ttl_seconds": 60}"#
            ).resource()
            #expect(created.token.expiresAt != nil)
            #expect(try await fleet.call(.get, "/v1/nodes", secret: created.secret).status == 200)
            fleet.wallClock.value += 61
            let reply = try await fleet.call(.get, "/v1/nodes", secret: created.secret)
            #expect(reply.outcome == "401 token_expired")
            #expect(reply["WWW-Authenticate"] == #"Bearer realm="berth", error="invalid_token""#)
        }
    }

    @Test func aRevocationHoldsAtOnceHere() async throws {
        try await AdminFleet.run { fleet in
            let created: NewTokenResource = try await fleet.call(
                .post, "/v1/tokens", json: #"{"name": "x", "scope": "read"}"#
            ).resource()
            #expect(try await fleet.call(.get, "/v1/nodes", secret: created.secret).status == 200)
            for _ in 0..<2 {
                let reply = try await fleet.call(.delete, "/v1/tokens/\(created.token.id)")
                #expect(reply.status == 204 && reply.body.isEmpty)
            }
            #expect(try await fleet.call(.get, "/v1/nodes", secret: created.secret).outcome == "401 token_invalid")
        }
    }

    @Test func aRevocationElsewhereIsNoticedWhenTheLookUpIsOld() async throws {
        let clock = ManualClock()
        try await AdminFleet.run(clock: clock) { fleet in
            #expect(try await fleet.call(.get, "/v1/nodes", as: .read).status == 200)
            _ = try await fleet.pool.query("update tokens set revoked_at = now() where scope = 'read'")
            #expect(try await fleet.call(.get, "/v1/nodes", as: .read).status == 200)
            clock.advance(by: .seconds(2))
            #expect(try await fleet.call(.get, "/v1/nodes", as: .read).outcome == "401 token_invalid")
        }
    }

    @Test func refusesBadWishes() async throws {
        try await AdminFleet.run { fleet in
            let long = String(repeating: "x", count: 129)
            for (json, outcome) in [
                (#"{"name": "", "scope": "read"}"#, "400 invalid_argument"),
                (#"{"name": "a\u0000", "scope": "read"}"#, "400 invalid_argument"),
                (#"{"name": "\#(long)", "scope": "read"}"#, "400 invalid_argument"),
                (#"{"name": "a", "scope": "root"}"#, "400 invalid_argument"),
                (#"{"name": "a"}"#, "400 malformed_request"),
                (#"{"name": "a", "scope": "read", "ttl_seconds": 0}"#, "400 invalid_argument"),
                (#"{"name": "a", "scope": "read", "ttl_seconds": 1e300}"#, "400 malformed_request"),
                (#"{"name": "a", "scope": "read", "ttl_seconds": true}"#, "400 malformed_request"),
                (#"{"name": "a", "scope": "read", "database": "none"}"#, "404 database_not_found"),
                (#"{"name": "a", "scope": "read", "database": "NONE"}"#, "400 invalid_database_name"),
            ] {
                let reply = try await fleet.call(.post, "/v1/tokens", json: json)
                #expect(reply.outcome == outcome, "\(json)")
            }
            #expect(try await fleet.call(.get, "/v1/tokens").resource(TokenList.self).tokens.count == 3)
            for id in ["x", "00000000-0000-0000-0000-00000000abcd"] {
                #expect(try await fleet.call(.delete, "/v1/tokens/\(id)").outcome == "404 token_not_found")
            }
        }
    }
}
