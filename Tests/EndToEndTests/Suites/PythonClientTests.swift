import BerthTestKit
import Testing

extension EndToEnd.OneFleet {
    /// Real client libraries from PyPI, through the leader and through nodes that pass everything on.
    @Suite struct PythonClients {
        @Test(arguments: [("libsql_client_http.py", "http"), ("libsql_dbapi.py", "dbapi")])
        func passesEveryCheckThroughEveryNode(script: String, short: String) async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            for node in try fleet.description().nodes {
                for durability in node.name == "node-1" ? ["local", "bucket"] : ["local"] {
                    let name = "python-\(short)-\(node.name)-\(durability)"
                    try await admin.createDatabase(name, durability: durability)
                    let run = try await Python.run(script, ["\(node.url)/db/\(name)/", try fleet.description().token])
                    #expect(run.exitCode == 0, "\(run)")
                    let passed = try JSON.parse(run.standardOutput).array
                    #expect(passed?.count == 5, "\(run)")
                }
            }
        }
    }
}
