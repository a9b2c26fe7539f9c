import BerthTestKit
import Foundation
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    /// What the data protocol answers to what it cannot do: a stable code, the right status, and nothing half done.
    @Suite struct BadDataRequests {
        private static let pipeline = "/db/strict/v2/pipeline"

        private func strict() async throws -> DataClient {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let created = try await admin.send(.POST, "/v1/databases", ["name": "strict"])
            if created.status == 201 {
                try await fleet.client("strict").execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)")
            }
            return try fleet.client("strict")
        }

        private func send(
            _ path: String, method: HTTPMethod = .POST, body: String? = nil, token: String? = nil
        ) async throws -> [HTTPReply] {
            let fleet = try TestFleet.ofThisSuite()
            var replies: [HTTPReply] = []
            for node in try fleet.description().nodes {
                let bearer = try token ?? fleet.description().token
                let headers = bearer.isEmpty ? [] : [("Authorization", "Bearer \(bearer)")]
                replies.append(
                    try await HTTP.send(method, node.url + path, headers: headers, body: body.map { Data($0.utf8) }))
            }
            return replies
        }

        private static let select = #"{"requests":[{"type":"execute","stmt":{"sql":"SELECT 1"}},{"type":"close"}]}"#

        struct Request: Sendable, CustomTestStringConvertible {
            var path: String
            var body: String
            var status: Int
            var code: String

            init(_ path: String, _ body: String, _ status: Int, _ code: String) {
                (self.path, self.body, self.status, self.code) = (path, body, status, code)
            }

            var testDescription: String { "\(path.prefix(40)) \(body.prefix(40)): \(code)" }
        }

        @Test(arguments: [
            Request("/db/strict/v2/pipeline", #"{"requests":["#, 400, "malformed_request"),
            Request("/db/strict/v2/pipeline", "", 400, "malformed_request"),
            Request("/db/strict/v2/pipeline", "[]", 400, "malformed_request"),
            Request("/db/strict/v2/pipeline", #"{"requests":[{"type":"nonsense"}]}"#, 400, "malformed_request"),
            Request("/db/strict/v2/pipeline", #"{"baton":"forged","requests":[]}"#, 404, "STREAM_EXPIRED"),
            Request("/db/strict/v1/execute", #"{"stmt":{"sql":"SELEC 1"}}"#, 400, "SQL_PARSE_ERROR"),
            Request("/db/strict/v1/execute", #"{"stmt":{"sql":"SELECT 1; SELECT 2"}}"#, 400, "SQL_MANY_STATEMENTS"),
            Request("/db/strict/v1/execute", #"{"stmt":{"sql":"SELECT ?","args":[{"type":"blob","base64":"*!"}]}}"#, 400, "ARGS_INVALID"),
            Request("/db/strict/v1/execute", #"{"stmt":{"sql":"ATTACH '/etc/passwd' AS x"}}"#, 400, "SQLITE_AUTH"),
            Request("/db/unheard-of/v2/pipeline", select, 404, "database_not_found"),
            Request("/db/Strict/v2/pipeline", select, 400, "invalid_database_name"),
            Request("/db/-x/v2/pipeline", select, 400, "invalid_database_name"),
            Request("/db/%zz/v2/pipeline", select, 400, "invalid_database_name"),
            Request("/db/..%2f..%2fetc/v2/pipeline", select, 400, "invalid_database_name"),
            Request("/db/\(String(repeating: "x", count: 64))/v2/pipeline", select, 400, "invalid_database_name"),
            Request("/v2/pipeline", select, 400, "database_not_named"),
            Request("/db/strict/v9/pipeline", select, 404, "route_not_found"),
        ])
        func isAnsweredWithACode(request: Request) async throws {
            _ = try await strict()
            for reply in try await send(request.path, body: request.body) {
                #expect(reply.status == request.status && reply.code == request.code, "\(reply)")
                let message = try reply.json()["message"]?.string ?? ""
                #expect(message.count > 10, "\(reply)")
                #expect(try reply.json()["error"]?.string == message)
                #expect(reply.headers.first(name: "x-request-id") != nil)
            }
        }

        @Test func aWrongMethodIsTold() async throws {
            _ = try await strict()
            for reply in try await send(Self.pipeline, method: .GET) {
                #expect(reply.status == 405 && reply.code == "method_not_allowed", "\(reply)")
                #expect(reply.headers.first(name: "allow") == "POST")
            }
        }

        @Test func aBodyTooLargeIsRefused() async throws {
            let fleet = try TestFleet.ofThisSuite(), file = "\(fleet.directory)/large-body"
            _ = try await strict()
            #expect(FileManager.default.createFile(atPath: file, contents: Data(count: 16 << 20 | 1)))
            for node in try fleet.description().nodes {
                // curl reads the answer while it still sends, as a client should.
                let run = try await ProgramRun.of([
                    "/usr/bin/env", "curl", "-sS", "-w", "\n%{http_code}", "-H", "Expect:", "--data-binary", "@\(file)",
                    "-H", "Authorization: Bearer \(try fleet.description().token)", node.url + Self.pipeline,
                ])
                let lines = run.standardOutput.split(separator: "\n")
                #expect(run.exitCode == 0 && lines.last == "413", "\(run)")
                #expect(try JSON.parse(String(lines.first ?? ""))["code"]?.string == "body_too_large", "\(run)")
            }
        }

        struct Statement: Sendable, CustomTestStringConvertible {
            var sql: String
            var arguments: [JSON]
            var code: String

            init(_ sql: String, _ arguments: [JSON], _ code: String) {
                (self.sql, self.arguments, self.code) = (sql, arguments, code)
            }

            var testDescription: String { "\(sql): \(code)" }
        }

        @Test(arguments: [
            Statement("SELEC 1", [], "SQL_PARSE_ERROR"),
            Statement("", [], "SQL_NO_STATEMENT"),
            Statement("SELECT * FROM nowhere", [], "SQLITE_ERROR"),
            Statement("INSERT INTO t VALUES (1, NULL)", [], "SQLITE_CONSTRAINT"),
            Statement("SELECT ?", [], "ARGS_INVALID"),
            Statement("SELECT ?", [["type": "blob", "base64": "not base64!"]], "ARGS_INVALID"),
            Statement("SELECT ?", [["type": "integer", "value": "9223372036854775808"]], "ARGS_INVALID"),
            Statement("SELECT load_extension('x')", [], "SQLITE_AUTH"),
            Statement("PRAGMA journal_mode = DELETE", [], "SQLITE_AUTH"),
        ])
        func anErrorOfAStatementIsAnAnswer(statement: Statement) async throws {
            let client = try await strict()
            let (results, _) = try await client.pipeline([
                DataClient.execute(statement.sql, statement.arguments), DataClient.execute("SELECT 7"), ["type": "close"],
            ])
            #expect(results[0]["error"]?["code"]?.string == statement.code, "\(results[0])")
            #expect(results[0]["error"]?["message"]?.string?.isEmpty == false)
            // The rest of the pipeline is carried out.
            #expect(results[1]["response"]?["result"]?["rows"] == [[.sqlInteger(7)]])
            #expect(try await client.rows("SELECT count(*) FROM t") == [[.sqlInteger(0)]])
        }

        @Test func tokensAreChecked() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let client = try await strict()
            func refusal(_ token: String) async throws -> [String] {
                try await send(Self.pipeline, body: Self.select, token: token).map { "\($0.status) \($0.code ?? "ok")" }
            }
            #expect(try await Set(refusal("")) == ["401 token_missing"])
            #expect(try await Set(refusal("None")) == ["401 token_missing"])
            #expect(try await Set(refusal("berth_wrong")) == ["401 token_invalid"])

            let short = try await admin.call(.POST, "/v1/tokens", ["name": "short", "scope": "read", "ttl_seconds": 1])
            let secret = short["secret"]?.string ?? ""
            try await eventually("the token has expired", within: .seconds(15)) {
                try await Set(refusal(secret)) == ["401 token_expired"] ? () : nil
            }

            try await admin.createDatabase("another")
            let bound = try await admin.call(
                .POST, "/v1/tokens", ["name": "bound", "scope": "operate", "database": "another"])
            let boundSecret = bound["secret"]?.string ?? ""
            #expect(try await Set(refusal(boundSecret)) == ["403 scope_insufficient"])
            try await DataClient(url: client.url, database: "another", token: boundSecret).execute("CREATE TABLE mine (a)")

            let reader = try await admin.call(.POST, "/v1/tokens", ["name": "reader", "scope": "read"])
            let reading = DataClient(url: client.url, database: "strict", token: reader["secret"]?.string)
            #expect(try await reading.rows("SELECT count(*) FROM t") == [[.sqlInteger(0)]])
            await #expect { try await reading.execute("INSERT INTO t VALUES (1, 'x')") } throws: { error in
                (error as? DataClient.Refused)?.code == "BLOCKED"
            }
            #expect(try await client.rows("SELECT count(*) FROM t") == [[.sqlInteger(0)]])

            // A revocation is noticed within what gateways remember.
            try await admin.call(.DELETE, "/v1/tokens/\(reader["id"]?.string ?? "")")
            try await eventually("the revocation is noticed", within: .seconds(15)) {
                try await Set(refusal(reader["secret"]?.string ?? "")) == ["401 token_invalid"] ? () : nil
            }
        }
    }
}
