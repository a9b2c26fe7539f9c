import AdminAPI
import FleetModel
import FleetStore
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct AccessTests {
    @Test func wantsAToken() async throws {
        try await AdminFleet.run { fleet in
            for header in [nil, "Bearer", "Bearer ", "Bearer None", "bearer null", "Basic abc", "None"] as [String?] {
                let headers: HTTPFields = header.map { [.authorization: $0] } ?? [:]
                let reply = try await fleet.call(.get, "/v1/nodes", as: nil, headers: headers)
                #expect(reply.outcome == "401 token_missing", "\(header ?? "none")")
                #expect(reply["WWW-Authenticate"] == #"Bearer realm="berth""#)
            }
            #expect(try await fleet.call(.get, "/v1/nodes", secret: "berth_guess").outcome == "401 token_invalid")
            // The scheme is case-insensitive.
            let secret = try #require(fleet.secrets[.read])
            let reply = try await fleet.call(.get, "/v1/nodes", as: nil, headers: [.authorization: "bearer \(secret)"])
            #expect(reply.status == 200)
        }
    }

    @Test func scopesIncludeTheOnesBefore() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.makeDatabase("shop")
            let none = "00000000-0000-0000-0000-00000000abcd"
            let requests: [(HTTPRequest.Method, String, TokenScope)] = [
                (.get, "/v1/databases", .read), (.get, "/v1/databases/shop", .read), (.get, "/v1/nodes", .read),
                (.get, "/v1/nodes/node-1", .read), (.get, "/v1/nodes/node-1/databases", .read),
                (.get, "/v1/operations", .read), (.get, "/v1/operations/\(none)", .read), (.get, "/v1/routes/shop", .read),
                (.post, "/v1/databases", .operate), (.post, "/v1/databases/shop/move", .operate),
                (.post, "/v1/databases/none/failover", .operate), (.post, "/v1/nodes/node-9/cordon", .operate),
                (.post, "/v1/nodes/node-9/uncordon", .operate), (.post, "/v1/nodes/node-9/drain", .operate),
                (.post, "/v1/operations/\(none)/cancel", .operate),
                (.get, "/v1/tokens", .admin), (.post, "/v1/tokens", .admin), (.delete, "/v1/tokens/\(none)", .admin),
            ]
            for (method, path, needed) in requests {
                for scope in TokenScope.allCases {
                    let outcome = try await fleet.call(method, path, as: scope).outcome
                    #expect((outcome == "403 scope_insufficient") == (scope < needed), "\(method) \(path) as \(scope)")
                }
            }
        }
    }

    @Test func aTokenOfOneDatabaseTouchesThatOneOnly() async throws {
        try await AdminFleet.run { fleet in
            try await fleet.makeDatabase("shop")
            try await fleet.makeDatabase("bank")
            let own: OperationResource = try await fleet.call(.post, "/v1/databases/shop/failover").resource()
            let other: OperationResource = try await fleet.call(.post, "/v1/databases/bank/failover").resource()
            let drain: OperationResource = try await fleet.call(.post, "/v1/nodes/node-1/drain").resource()
            let created: NewTokenResource = try await fleet.call(
                .post, "/v1/tokens", json: #"{"name": "shop's", "scope": "admin", "database": "shop"}"#
            ).resource()
            #expect(created.token.database == "shop")
            func outcome(_ method: HTTPRequest.Method, _ path: String, _ json: String? = nil) async throws -> String {
                try await fleet.call(method, path, json: json, secret: created.secret).outcome
            }
            #expect(try await outcome(.get, "/v1/databases/shop") == "200")
            #expect(try await outcome(.get, "/v1/databases/%73hop") == "200")
            #expect(try await outcome(.get, "/v1/routes/shop") == "200")
            #expect(try await outcome(.get, "/v1/operations/\(own.id)") == "200")
            #expect(try await outcome(.post, "/v1/operations/\(own.id)/cancel") == "200")
            #expect(try await outcome(.post, "/v1/databases/shop/move", #"{"to": "node-2"}"#) == "409 operation_conflict")
            let refused: [(HTTPRequest.Method, String, String?)] = [
                (.get, "/v1/databases/bank", nil), (.get, "/v1/databases/none", nil), (.get, "/v1/routes/bank", nil),
                (.get, "/v1/databases", nil), (.post, "/v1/databases", #"{"name": "new"}"#), (.get, "/v1/nodes", nil),
                (.get, "/v1/nodes/node-1/databases", nil), (.post, "/v1/nodes/node-1/cordon", nil),
                (.get, "/v1/operations", nil), (.get, "/v1/operations/\(other.id)", nil),
                (.post, "/v1/operations/\(other.id)/cancel", nil), (.get, "/v1/operations/\(drain.id)", nil),
                (.post, "/v1/databases/bank/failover", nil), (.get, "/v1/tokens", nil),
                (.post, "/v1/tokens", #"{"name": "more", "scope": "admin"}"#), (.delete, "/v1/tokens/\(created.token.id)", nil),
            ]
            for (method, path, json) in refused {
                #expect(try await outcome(method, path, json) == "403 scope_insufficient", "\(method) \(path)")
            }
        }
    }
}
