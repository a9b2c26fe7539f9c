import FleetModel
import Hrana
import NIOHTTP1
import Routing
import Testing

@testable import Gateway

/// Naming, routes and built-in endpoints over real sockets.
@Suite(.timeLimit(.minutes(1)))
struct RequestTests {
    @Test func aLocalDatabaseServesTheCall() async throws {
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local) { gateway in
            let answer = try await gateway.send(body: #"{"requests":[]}"#, headers: [("x-request-id", "abc-1")])
            #expect(answer.status == 200 && answer.text == #"{"requests":[]}"#)
            #expect(answer.headers.first(name: "content-type") == "application/json")
            #expect(answer.headers.first(name: "x-request-id") == "abc-1")
            let call = try #require(local.calls.first)
            #expect(call.database.description == "shop" && call.route == .pipeline(.two))
            #expect(call.access == .readWrite && call.requestID == "abc-1" && call.tokenDigest.count == 32)
            // No route is needed for what is led here.
            #expect(gateway.source.looks == 0)
        }
    }

    @Test(arguments: ["bad id", "", String(repeating: "x", count: 65)])
    func anUnfitRequestIDIsReplaced(_ id: String) async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"])) { gateway in
            let answer = try await gateway.send(headers: [("x-request-id", id)])
            let given = try #require(answer.headers.first(name: "x-request-id"))
            #expect(given != id && given.utf8.count == 16)
        }
    }

    /// Clients ask which versions are spoken before they have a token, and choose an older one when they are refused.
    @Test(arguments: [("/db/shop/v2", 200), ("/db/shop/v3/", 200), ("/db/nowhere/v3", 200), ("/db/shop/v3-protobuf", 404), ("/db/shop/v4", 404)])
    func theVersionsAreToldWithoutAToken(_ path: String, _ status: Int) async throws {
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local) { gateway in
            for token in [nil, "unheard-of"] as [String?] {
                let answer = try await gateway.send(.GET, path, token: token)
                #expect(answer.status == status)
            }
            #expect(local.calls.isEmpty)
        }
    }

    @Test func theHeaderNamesADatabaseToo() async throws {
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local) { gateway in
            let answer = try await gateway.send(.POST, "/v3/cursor", headers: [("x-namespace", "shop")])
            #expect(answer.status == 200)
            #expect(local.calls.first?.route == .cursor)
        }
    }

    @Test func whatCannotBeRoutedIsRefusedWithACode() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"])) { gateway in
            let unnamed = try await gateway.send(.POST, "/v2/pipeline")
            #expect(unnamed.status == 400 && unnamed["code"] == "database_not_named")
            #expect(unnamed["error"] != nil && unnamed["error"] == unnamed["message"])
            let root = try await gateway.send(.GET, "/")
            #expect(root.status == 400 && root["code"] == "database_not_named")
            let misnamed = try await gateway.send(.POST, "/db/No_Name/v2/pipeline")
            #expect(misnamed.status == 400 && misnamed["code"] == "invalid_database_name")
            let unknown = try await gateway.send(.POST, "/db/shop/v9/pipeline")
            #expect(unknown.status == 404 && unknown["code"] == "route_not_found")
            let method = try await gateway.send(.GET, "/db/shop/v2/pipeline")
            #expect(method.status == 405 && method["code"] == "method_not_allowed")
            #expect(method.headers.first(name: "allow") == "POST")
            let missing = try await gateway.send(.POST, "/db/nothing/v2/pipeline")
            #expect(missing.status == 404 && missing["code"] == "database_not_found")
        }
    }

    @Test func builtInEndpointsNeedNoToken() async throws {
        let endpoints: [String: BuiltInEndpoint] = [
            "/healthz": { request in DataReply(contentType: "text/plain", body: Array("ok \(request.query ?? "-")".utf8)) }
        ]
        try await withGateway(endpoints: endpoints) { gateway in
            let answer = try await gateway.send(.GET, "/healthz?deep=1", token: nil)
            #expect(answer.status == 200 && answer.text == "ok deep=1")
            #expect(answer.headers.first(name: "content-type") == "text/plain")
            let head = try await gateway.send(.HEAD, "/healthz", token: nil)
            #expect(head.status == 200 && head.text.isEmpty && head.headers.first(name: "content-length") == "4")
            let post = try await gateway.send(.POST, "/healthz", token: nil)
            #expect(post.status == 405 && post.headers.first(name: "allow") == "GET, HEAD")
        }
    }

    @Test func errorsOfTheDatabaseArePassedOn() async throws {
        let local = try FakeDatabases(leading: ["shop"]) { _ throws(BerthError) in
            throw BerthError(.shipLagExceeded, "Slow down.", retryAfter: 3)
        }
        try await withGateway(local: local) { gateway in
            let answer = try await gateway.send()
            #expect(answer.status == 503 && answer["code"] == "ship_lag_exceeded")
            #expect(answer.headers.first(name: "retry-after") == "3")
            #expect(local.calls.count == 1)
        }
    }
}
