import BerthTestKit
import Foundation
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    /// What the REST API answers to what it cannot do, and what the command line makes of it.
    @Suite struct BadAdminRequests {
        private func expectProblem(_ reply: HTTPReply, _ status: Int, _ code: String) throws {
            #expect(reply.status == status && reply.code == code, "\(reply)")
            #expect(reply.headers.first(name: "content-type")?.hasPrefix("application/problem+json") == true)
            let problem = try reply.json()
            #expect(problem["status"]?.integer == Int64(status))
            #expect(problem["detail"]?.string?.isEmpty == false)
            #expect(problem["request_id"]?.string == reply.headers.first(name: "x-request-id"))
        }

        struct Request: Sendable, CustomTestStringConvertible {
            var method: HTTPMethod
            var path: String
            var body: JSON?
            var status: Int
            var code: String

            init(_ method: HTTPMethod, _ path: String, _ body: JSON?, _ status: Int, _ code: String) {
                (self.method, self.path, self.body, self.status, self.code) = (method, path, body, status, code)
            }

            var testDescription: String { "\(method) \(path): \(code)" }
        }

        @Test(arguments: [
            Request(.POST, "/v1/databases", ["name": "Not-A-Name"], 400, "invalid_database_name"),
            Request(.POST, "/v1/databases", ["name": "-"], 400, "invalid_database_name"),
            Request(.POST, "/v1/databases", ["name": "fine", "durability": "forever"], 400, "invalid_argument"),
            Request(.POST, "/v1/databases", ["name": "fine", "engine": "oracle"], 400, "invalid_argument"),
            Request(.POST, "/v1/databases", ["name": "fine", "colour": "blue"], 400, "malformed_request"),
            Request(.POST, "/v1/databases", ["name": 7], 400, "malformed_request"),
            Request(.POST, "/v1/databases", [:], 400, "malformed_request"),
            Request(.POST, "/v1/databases", [], 400, "malformed_request"),
            Request(.GET, "/v1/databases/unheard-of", nil, 404, "database_not_found"),
            Request(.GET, "/v1/databases/UNHEARD", nil, 400, "invalid_database_name"),
            Request(.GET, "/v1/databases?limit=0", nil, 400, "invalid_argument"),
            Request(.GET, "/v1/databases?color=red", nil, 400, "invalid_argument"),
            Request(.POST, "/v1/databases/unheard-of/move", ["to": "node-1"], 404, "database_not_found"),
            Request(.POST, "/v1/databases/unheard-of/failover", nil, 404, "database_not_found"),
            Request(.GET, "/v1/nodes/node-99", nil, 404, "node_not_found"),
            Request(.GET, "/v1/nodes/NODE", nil, 400, "invalid_node_name"),
            Request(.POST, "/v1/nodes/node-99/drain", nil, 404, "node_not_found"),
            Request(.POST, "/v1/nodes/node-99/cordon", nil, 404, "node_not_found"),
            Request(.GET, "/v1/operations/00000000-0000-4000-8000-000000000000", nil, 404, "operation_not_found"),
            Request(.POST, "/v1/operations/nonsense/cancel", nil, 404, "operation_not_found"),
            Request(.DELETE, "/v1/tokens/00000000-0000-4000-8000-000000000000", nil, 404, "token_not_found"),
            Request(.GET, "/v1/routes/unheard-of", nil, 404, "database_not_found"),
            Request(.PUT, "/v1/databases", nil, 405, "method_not_allowed"),
            Request(.GET, "/v2/databases", nil, 404, "route_not_found"),
        ])
        func isAnsweredWithACode(request: Request) async throws {
            let admin = try TestFleet.ofThisSuite().admin()
            let before = try await admin.databaseNames()
            try expectProblem(try await admin.send(request.method, request.path, request.body), request.status, request.code)
            #expect(try await admin.databaseNames() == before)
        }

        @Test func aNameIsGivenOnce() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let first = try await admin.createDatabase("twice", durability: "bucket")
            let again = try await admin.send(.POST, "/v1/databases", ["name": "twice", "durability": "local"])
            try expectProblem(again, 409, "database_exists")
            #expect(try await admin.database("twice")["id"] == first["id"])
            #expect(try await admin.database("twice")["durability"]?.string == "bucket")
            // The same request, told apart by its key, is the first one over again.
            let key = [("Idempotency-Key", "end-to-end-1")]
            let one = try await admin.send(.POST, "/v1/databases", ["name": "keyed"], headers: key)
            let two = try await admin.send(.POST, "/v1/databases", ["name": "keyed"], headers: key)
            #expect(one.status == 201 && two.status == 201)
            #expect(try one.json()["id"] == two.json()["id"])
            #expect(two.headers.first(name: "idempotency-replayed") == "true")
            try expectProblem(
                try await admin.send(.POST, "/v1/databases", ["name": "other"], headers: key), 422, "idempotency_key_reused")
        }

        @Test func whatCannotBeReadIsRefused() async throws {
            let fleet = try TestFleet.ofThisSuite(), description = try fleet.description()
            func post(_ body: String, _ type: String = "application/json") async throws -> HTTPReply {
                try await HTTP.send(
                    .POST, description.manager + "/v1/databases",
                    headers: [("Authorization", "Bearer \(description.token)"), ("Content-Type", type)], body: Data(body.utf8))
            }
            try expectProblem(try await post(#"{"name":"#), 400, "malformed_request")
            try expectProblem(try await post(#"{"name":"plain"}"#, "text/plain"), 415, "unsupported_media_type")
            let large = #"{"name":"large","x":""# + String(repeating: "x", count: 1 << 20) + #""}"#
            try expectProblem(try await post(large), 413, "body_too_large")
        }

        @Test func tokensAreChecked() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            func ask(_ token: String?, _ method: HTTPMethod = .GET, _ path: String = "/v1/nodes", _ body: JSON? = nil)
                async throws -> HTTPReply
            { try await AdminClient(url: admin.url, token: token).send(method, path, body) }
            try expectProblem(try await ask(nil), 401, "token_missing")
            try expectProblem(try await ask("berth_wrong"), 401, "token_invalid")
            #expect(try await ask(nil).headers.first(name: "www-authenticate") != nil)

            let made = try await fleet.berth("token", "create", "reader", "--scope", "read", "--output", "json")
            #expect(made.exitCode == 0, "\(made)")
            let token = try JSON.parse(made.standardOutput)
            let secret = token["secret"]?.string ?? "", id = token["id"]?.string ?? ""
            #expect(try await ask(secret).status == 200)
            try expectProblem(try await ask(secret, .POST, "/v1/databases", ["name": "never"]), 403, "scope_insufficient")
            try expectProblem(try await ask(secret, .GET, "/v1/tokens"), 403, "scope_insufficient")
            #expect(try await fleet.berth("token", "revoke", id).exitCode == 0)
            try await eventually("the revocation is noticed", within: .seconds(15)) {
                try await ask(secret).code == "token_invalid" ? () : nil
            }
            let short = try await admin.call(.POST, "/v1/tokens", ["name": "short", "scope": "read", "ttl_seconds": 1])
            try await eventually("the token has expired", within: .seconds(15)) {
                try await ask(short["secret"]?.string).code == "token_expired" ? () : nil
            }
            // The list shows all of them, and no secret.
            let list = try await admin.call(.GET, "/v1/tokens")["tokens"]?.array ?? []
            #expect(list.count >= 3 && list.allSatisfy { $0["secret"] == nil })
            #expect(list.first { $0["id"]?.string == id }?["revoked_at"]?.isNull == false)
        }

        struct Command: Sendable, CustomTestStringConvertible {
            var arguments: [String]
            var exitCode: Int32
            /// In what is printed.
            var word: String

            init(_ arguments: [String], _ exitCode: Int32, _ word: String) {
                (self.arguments, self.exitCode, self.word) = (arguments, exitCode, word)
            }

            var testDescription: String { "berth \(arguments.joined(separator: " ")): \(exitCode)" }
        }

        @Test(arguments: [
            Command(["db", "show", "unheard-of"], 4, "database_not_found"),
            Command(["db", "create", "Bad_Name"], 3, "invalid_database_name"),
            Command(["db", "move", "unheard-of", "--to", "node-1"], 4, "database_not_found"),
            Command(["node", "drain", "node-99"], 4, "node_not_found"),
            Command(["db", "create"], 2, "name"),
            Command(["db", "create", "x", "--durability", "forever"], 2, "durability"),
            Command(["db", "list", "--url", "http://127.0.0.1:1", "--token", "x"], 5, "manager_unreachable"),
            Command(["db", "list", "--token", "berth_wrong"], 3, "token_invalid"),
            Command(["db", "list", "--dir", "/nonexistent"], 2, "configuration_invalid"),
        ])
        func theCommandLineEndsWithACode(command: Command) async throws {
            let fleet = try TestFleet.ofThisSuite()
            let run = try await ProgramRun.of(
                [try BerthBinary.path()] + command.arguments, environment: ["BERTH_DIR": fleet.directory])
            #expect(run.exitCode == command.exitCode, "\(run)")
            #expect(run.standardError.contains(command.word), "\(run)")
            #expect(run.standardOutput.isEmpty, "\(run)")
        }
    }
}
