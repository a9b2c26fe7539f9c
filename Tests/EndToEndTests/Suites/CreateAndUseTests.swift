import BerthTestKit
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    @Suite struct CreateAndUse {
        @Test(arguments: ["sqlite", "duckdb"], ["local", "bucket"])
        func anyNodeTakesAnyDatabase(engine: String, durability: String) async throws {
            let fleet = try TestFleet.ofThisSuite(), name = "anywhere-\(engine)-\(durability)"
            let created = try await fleet.berth(
                "db", "create", name, "--engine", engine, "--durability", durability, "--output", "json")
            #expect(created.exitCode == 0, "\(created)")
            #expect(try JSON.parse(created.standardOutput)["durability"]?.string == durability)

            try await fleet.client(name).execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
            let nodes = try fleet.description().nodes.map(\.name)
            for (index, node) in nodes.enumerated() {
                let client = try fleet.client(name, through: node)
                try await client.execute("INSERT INTO t VALUES (?, ?)", [.sqlInteger(Int64(index)), .sqlText(node)])
                for other in nodes {
                    let rows = try await fleet.client(name, through: other).rows("SELECT b FROM t ORDER BY a")
                    #expect(rows == nodes.prefix(index + 1).map { [.sqlText($0)] })
                }
            }
            let shown = try await fleet.berth("db", "show", name, "--output", "json")
            let database = try JSON.parse(shown.standardOutput)
            #expect(nodes.contains(database["leader"]?.string ?? ""))
            #expect(database["epoch"]?.integer ?? 0 > 0)
        }

        /// What is acknowledged by a `bucket` database is published; what a `local` one acknowledged soon is.
        @Test(arguments: ["sqlite", "duckdb"]) func durabilityIsWhatItSays(engine: String) async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let (kept, shipped) = ("promise-\(engine)-bucket", "promise-\(engine)-local")
            try await admin.createDatabase(kept, engine: engine, durability: "bucket")
            try await admin.createDatabase(shipped, engine: engine, durability: "local")
            func head(_ name: String) async throws -> Int64 {
                try await admin.database(name)["head"]?["seq"]?.integer ?? -1
            }
            try await fleet.client(kept).execute("CREATE TABLE t (a INTEGER)")
            for _ in 0..<5 {
                let before = try await head(kept)
                try await fleet.client(kept).execute("INSERT INTO t VALUES (1)")
                #expect(try await head(kept) == before + 1)
            }
            try await fleet.client(shipped).execute("CREATE TABLE t (a INTEGER)")
            try await eventually("the local database is shipped", within: .seconds(10)) {
                let database = try await admin.database(shipped)
                return database["head"]?["seq"]?.integer ?? 0 > 0 && database["ship_lag_ms"]?.integer == 0 ? () : nil
            }
        }

        @Test func aDatabaseIsNamedByPathHeaderOrHost() async throws {
            let fleet = try TestFleet.ofThisSuite()
            try await fleet.admin().createDatabase("named")
            try await fleet.client("named").execute("CREATE TABLE who (name)")
            try await fleet.client("named").execute("INSERT INTO who VALUES ('named')")
            let body: JSON = ["requests": [DataClient.execute("SELECT name FROM who"), ["type": "close"]]]
            let token = ("Authorization", "Bearer \(try fleet.description().token)")
            for node in try fleet.description().nodes {
                let ways: [(String, [(String, String)])] = [
                    ("/db/named/v2/pipeline", []), ("/db/named/v3/pipeline", []),
                    ("/v2/pipeline", [("x-namespace", "named")]),
                    ("/v2/pipeline", [("Host", "named.berth.example")]),
                    ("/v2/pipeline", [("Host", "named.localhost:8080")]),
                    // The header decides.
                    ("/db/other/v2/pipeline", [("x-namespace", "named"), ("Host", "another.berth.example")]),
                ]
                for (path, headers) in ways {
                    let reply = try await HTTP.send(
                        .POST, node.url + path, headers: headers + [token], body: try body.encoded())
                    #expect(reply.status == 200, "\(path) \(headers): \(reply)")
                    let row = try reply.json()["results"]?[0]?["response"]?["result"]?["rows"]?[0]
                    #expect(row == [.sqlText("named")], "\(path) \(headers): \(reply)")
                }
                let address = try await HTTP.send(
                    .POST, node.url + "/v2/pipeline", headers: [token], body: try body.encoded())
                #expect(address.status == 400 && address.code == "database_not_named", "\(address)")
            }
        }

        @Test func interactiveTransactionsSpanRequests() async throws {
            let fleet = try TestFleet.ofThisSuite()
            try await fleet.admin().createDatabase("interactive", durability: "bucket")
            let client = try fleet.client("interactive")
            try await client.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
            for (ending, wanted) in [("COMMIT", 1), ("ROLLBACK", 1)] {
                let (began, first) = try await client.pipeline([
                    DataClient.execute("BEGIN"), DataClient.execute("INSERT INTO t (a) SELECT count(*) FROM t"),
                ])
                #expect(began.allSatisfy { $0["type"]?.string == "ok" }, "\(began)")
                // Any node knows the way to the stream.
                let elsewhere = try fleet.client("interactive", through: "node-2")
                let (ended, last) = try await elsewhere.pipeline([DataClient.execute(ending), ["type": "close"]], baton: first)
                #expect(ended.allSatisfy { $0["type"]?.string == "ok" }, "\(ended)")
                #expect(last == nil)
                #expect(try await client.rows("SELECT count(*) FROM t") == [[.sqlInteger(Int64(wanted))]])
                // A baton is good once.
                await #expect { try await client.pipeline([], baton: first) } throws: { error in
                    (error as? DataClient.Refused)?.code == "STREAM_EXPIRED"
                }
            }
        }

        @Test func aGatewayOfItsOwnServes() async throws {
            let fleet = try TestFleet.ofThisSuite()
            try await fleet.admin().createDatabase("through-gateway")
            let gateway = try await fleet.startRole(["gateway"], name: "gateway", environment: ["BERTH_POSTGRES": fleet.postgres])
            do {
                let url = try await gateway.address()
                let client = DataClient(
                    url: url, database: "through-gateway", token: try fleet.description().token)
                try await client.execute("CREATE TABLE t (a)")
                try await client.execute("INSERT INTO t VALUES (42)")
                #expect(try await fleet.client("through-gateway").rows("SELECT a FROM t") == [[.sqlInteger(42)]])
                let page = try await HTTP.send(.GET, url + "/metrics")
                let metrics = try PrometheusText(page.text)
                #expect(metrics.total("berth_gateway_forwards_total") ?? 0 >= 2)
                #expect(try await HTTP.send(.GET, url + "/readyz").status == 200)
            } catch {
                await gateway.stop()
                throw error
            }
            #expect(await gateway.stop() == 0)
        }
    }
}
