import BerthTestKit
import Foundation
import Synchronization
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    /// The description of the API and the API say the same.
    @Suite struct OpenAPI {
        private static let description = Repository.path("api-spec/openapi.yaml")
        private static let checks = [
            "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
        ]

        /// One whole round through the API: every operation succeeds at least once, and some of what can go wrong does.
        @Test func everySuccessIsAsDescribed() async throws {
            let fleet = try TestFleet.ofThisSuite()
            let file = "\(fleet.directory)/exchanges.jsonl"
            let admin = Recorder(admin: try fleet.admin())
            for path in ["/healthz", "/readyz", "/metrics"] { try await admin.send(.GET, path) }

            try await admin.send(.POST, "/v1/databases", ["name": "round-trip", "durability": "bucket"])
            try await admin.send(.POST, "/v1/databases", ["name": "round-trip"])
            try await fleet.client("round-trip").execute("CREATE TABLE t (a)")
            try await admin.send(.GET, "/v1/databases?limit=2")
            try await admin.send(.GET, "/v1/databases/round-trip")
            try await admin.send(.GET, "/v1/routes/round-trip")
            let leader = try await admin.admin.waitForLeader(of: "round-trip")
            let target: JSON = ["to": .string(leader == "node-1" ? "node-2" : "node-1")]
            let move = try await admin.send(.POST, "/v1/databases/round-trip/move", target)
            try await admin.finish(move)
            try await admin.finish(try await admin.send(.POST, "/v1/databases/round-trip/failover"))
            try await admin.send(.POST, "/v1/databases/round-trip/move", ["to": "node-99"])

            try await admin.send(.GET, "/v1/fleet")
            try await admin.send(.POST, "/v1/fleet", ["lease_ttl_ms": 5000, "write_format": 1])
            try await admin.send(.POST, "/v1/fleet", ["write_format": 1000])

            try await admin.send(.GET, "/v1/nodes")
            try await admin.send(.GET, "/v1/nodes/node-2")
            try await admin.send(.GET, "/v1/nodes/node-2/databases")
            try await admin.send(.POST, "/v1/nodes/node-2/cordon")
            try await admin.send(.POST, "/v1/nodes/node-2/uncordon")
            let drain = try await admin.send(.POST, "/v1/nodes/node-2/drain")
            let cancelled = try await admin.send(.POST, "/v1/operations/\(drain["id"]?.string ?? "")/cancel")
            try await admin.finish(drain)
            #expect(cancelled["id"] == drain["id"] || cancelled["code"]?.string == "operation_finished")
            try await admin.send(.POST, "/v1/nodes/node-2/uncordon")
            try await admin.send(.GET, "/v1/operations?limit=3")

            // A drain with something to wait for, so that there is an operation to cancel.
            let home = try await admin.admin.waitForLeader(of: "round-trip")
            _ = try await fleet.client("round-trip").pipeline([DataClient.execute("BEGIN IMMEDIATE")])
            let slow = try await admin.send(.POST, "/v1/nodes/\(home)/drain")
            try await admin.send(.POST, "/v1/operations/\(slow["id"]?.string ?? "")/cancel")
            try await admin.finish(slow)
            try await admin.send(.POST, "/v1/nodes/\(home)/uncordon")

            let token = try await admin.send(.POST, "/v1/tokens", ["name": "round trip", "scope": "read"])
            try await admin.send(.GET, "/v1/tokens")
            let reader = Recorder(admin: AdminClient(url: admin.admin.url, token: token["secret"]?.string), exchanges: admin.exchanges)
            try await reader.send(.GET, "/v1/tokens")
            try await admin.send(.DELETE, "/v1/tokens/\(token["id"]?.string ?? "")")
            let nobody = Recorder(admin: AdminClient(url: admin.admin.url, token: nil), exchanges: admin.exchanges)
            try await nobody.send(.GET, "/v1/nodes")

            try await admin.send(.POST, "/v1/databases/round-trip/accept-older", ["seq": 1])
            try await fleet.sayUnopenable("round-trip", at: 2, opens: 1)
            try await admin.send(.GET, "/v1/databases/round-trip")
            try await admin.send(.POST, "/v1/databases/round-trip/accept-older", ["seq": 1])

            let lines = try admin.exchanges.all.map { String(decoding: try $0.encoded(), as: UTF8.self) }
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            let run = try await Python.run("check_exchanges.py", [Self.description, file])
            #expect(run.exitCode == 0, "\(run)")
        }

        /// Sends, and remembers what was answered.
        private struct Recorder {
            let admin: AdminClient
            var exchanges = Exchanges()

            @discardableResult
            func send(_ method: HTTPMethod, _ path: String, _ body: JSON? = nil) async throws -> JSON {
                let reply = try await admin.send(method, path, body)
                exchanges.add([
                    "method": .string(method.rawValue), "path": .string(path), "status": .integer(Int64(reply.status)),
                    "type": .string(reply.headers.first(name: "content-type") ?? ""), "body": .string(reply.text),
                ])
                return (try? reply.json()) ?? .null
            }

            /// Waits for the operation that was answered.
            func finish(_ operation: JSON) async throws {
                let id = operation["id"]?.string ?? ""
                try await eventually("operation \(id) is finished") {
                    try await send(.GET, "/v1/operations/\(id)?wait=5")["finished_at"]?.string
                }
            }
        }

        private final class Exchanges: Sendable {
            private let list = Mutex<[JSON]>([])

            func add(_ exchange: JSON) { list.withLock { $0.append(exchange) } }
            var all: [JSON] { list.withLock { $0 } }
        }

        @Test func anythingIsAnsweredAsDescribed() async throws {
            let fleet = try TestFleet.ofThisSuite()
            try await fleet.admin().createDatabase("described")
            try await probe(["--config-file", Repository.path("api-spec/schemathesis.toml")])
            // The one operation that could revoke the token of the probe: alone, with a token that may go.
            try await probe(["--include-operation-id", "revokeToken"])
            // Whatever it did, the fleet is as well as before.
            for node in try fleet.description().nodes {
                #expect(try await fleet.berth("node", "uncordon", node.name).exitCode == 0)
            }
            try await fleet.client("described").execute("CREATE TABLE t (a)")
        }

        private func probe(_ options: [String]) async throws {
            let fleet = try TestFleet.ofThisSuite()
            let token = try await fleet.admin().call(.POST, "/v1/tokens", ["name": "schemathesis", "scope": "admin"])
            let (global, local) = options.first == "--config-file" ? (options, []) : (["--config-file", "/dev/null"], options)
            let run = try await Python.program(
                "schemathesis",
                global + [
                    "run", Self.description, "--url", try fleet.description().manager, "-H",
                    "Authorization: Bearer \(token["secret"]?.string ?? "")", "--checks", Self.checks.joined(separator: ","),
                    "--max-examples", "12", "--generation-deterministic", "--phases", "examples,coverage,fuzzing",
                    "--request-timeout", "90", "--no-color",
                ] + local, patience: .seconds(300))
            #expect(run.exitCode == 0, "\(run)")
        }
    }
}
