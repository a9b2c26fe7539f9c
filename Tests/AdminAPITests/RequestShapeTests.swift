import AdminAPI
import FleetModel
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct RequestShapeTests {
    @Test func saysWhatIsWrongWithABody() async throws {
        try await AdminFleet.run { fleet in
            for (json, hint) in [
                ("", "missing"), ("{", "not valid JSON"), ("[]", "“$” must be an object, not an array"),
                ("null", "“$” must be an object, not null"), ("{}", "“$.name” is missing"),
                (#"{"name": 1}"#, "“$.name” must be a string, not a number"),
                (#"{"name": null}"#, "“$.name” is missing"),
                (#"{"name": ["a"]}"#, "“$.name” must be a string, not an array"),
                (#"{"name": "a", "engine": true}"#, "“$.engine” must be a string, not a boolean"),
                (#"{"name": "a", "naem": "b"}"#, "“$.naem” is unknown"),
                (#"{"name": "\ud800"}"#, "not valid JSON"),
                (#"{"name": "a", "name": "b"}"#, "“$.name” is given twice"),
                (#"{"name": "a", "n\u0061me" : "a"}"#, "“$.name” is given twice"),
                (#"{"name": "a", "engine": null, "engine": null}"#, "“$.engine” is given twice"),
                ("\u{FEFF}{}", "not valid JSON"), ("{\0\"\0n\0\"\0:\01\0}\0", "not valid JSON"),
                (String(repeating: "[", count: 2000), "not valid JSON"),
            ] {
                let reply = try await fleet.call(.post, "/v1/databases", json: json)
                #expect(reply.outcome == "400 malformed_request", "\(json.prefix(40))")
                #expect(reply.detail.contains(hint), "\(json.prefix(40)): \(reply.detail)")
            }
            #expect(try await fleet.call(.get, "/v1/databases").resource(DatabasePage.self).databases.isEmpty)
        }
    }

    @Test func wantsJSON() async throws {
        try await AdminFleet.run { fleet in
            for type in [nil, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"] as [String?] {
                let reply = try await fleet.call(.post, "/v1/databases", json: #"{"name": "a"}"#, type: type)
                #expect(reply.outcome == "415 unsupported_media_type", "\(type ?? "none")")
            }
            let reply = try await fleet.call(
                .post, "/v1/databases", json: #"{"name": "a"}"#, type: "Application/JSON; charset=utf-8")
            #expect(reply.status == 201)
        }
    }

    @Test func aRouteWithoutBodyLetsNothingElsePass() async throws {
        try await AdminFleet.run { fleet in
            #expect(try await fleet.call(.post, "/v1/nodes/node-1/cordon", json: "{}").status == 200)
            let reply = try await fleet.call(.post, "/v1/nodes/node-1/cordon", json: #"{"force": true}"#)
            #expect(reply.outcome == "400 malformed_request")
        }
    }

    @Test func namesTheLimitOfBodies() async throws {
        try await AdminFleet.run(bodyLimit: 100) { fleet in
            let json = #"{"name": ""# + String(repeating: "a", count: 100) + #""}"#
            let reply = try await fleet.call(.post, "/v1/databases", json: json)
            #expect(reply.outcome == "413 body_too_large")
            #expect(reply.detail.contains("100 bytes"))
        }
    }

    @Test func knowsItsRoutes() async throws {
        try await AdminFleet.run { fleet in
            for path in ["/", "/v1", "/v2/databases", "/v1/databases/a/b/c", "/v1/tokens/a/b"] {
                #expect(try await fleet.call(.get, path, as: nil).outcome == "404 route_not_found", "\(path)")
            }
            for (method, path, allowed) in [
                (HTTPRequest.Method.delete, "/v1/databases", "GET, POST"), (.put, "/v1/databases/shop", "GET"),
                (.get, "/v1/databases/shop/move", "POST"), (.get, "/v1/tokens/x", "DELETE"), (.post, "/metrics", "GET"),
                (.trace, "/v1/nodes", "GET"), (.options, "/v1/tokens", "GET, POST"),
            ] {
                let reply = try await fleet.call(method, path)
                #expect(reply.outcome == "405 method_not_allowed", "\(method) \(path)")
                #expect(reply["Allow"] == allowed)
            }
        }
    }

    @Test func everyAnswerNamesItsRequest() async throws {
        try await AdminFleet.run { fleet in
            let name = try #require(HTTPField.Name("X-Request-Id"))
            let given = try await fleet.call(.get, "/v1/databases/none", headers: [name: "abc-1"])
            #expect(given["X-Request-Id"] == "abc-1")
            #expect(try given.resource(Problem.self).requestId == "abc-1")
            let unfit = try await fleet.call(.get, "/nothing", headers: [name: "a b"])
            #expect(unfit["X-Request-Id"]?.count == 16)
            #expect(try unfit.resource(Problem.self).requestId == unfit["X-Request-Id"])
            #expect(try await fleet.call(.get, "/v1/nodes")["X-Request-Id"]?.count == 16)
        }
    }
}
