import BerthTestKit
import Foundation
import NIOCore
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    /// What is special about DuckDB, through the whole fleet. That it has everything else is shown by the suites that run with both.
    @Suite struct DuckDBDatabases {
        private func make(_ name: String, durability: String = "local") async throws -> DataClient {
            let fleet = try TestFleet.ofThisSuite()
            try await fleet.admin().createDatabase(name, engine: "duckdb", durability: durability)
            return try fleet.client(name)
        }

        private func code(_ client: DataClient, _ sql: String) async -> String {
            do {
                try await client.execute(sql)
                return "-"
            } catch let error as DataClient.Refused {
                return error.code
            } catch {
                return "\(error)"
            }
        }

        @Test func typesHaveTheirTextsAndNames() async throws {
            let client = try await make("duck-types")
            try await client.execute(
                """
                CREATE TABLE t (h HUGEINT, d DECIMAL(18,3), day DATE, moment TIMESTAMP, u UUID, l INTEGER[], s STRUCT(a INTEGER, b TEXT), \
                m MAP(TEXT, INTEGER), j JSON, e ENUM('x','y'), i INTERVAL, b BLOB)
                """)
            try await client.execute(
                """
                INSERT INTO t VALUES (170141183460469231731687303715884105727, 1.5, '2024-02-29', '2024-02-29 12:34:56.25', \
                '8f3c2a10-0000-4000-8000-0123456789ab', [1, NULL, 3], {'a': 1, 'b': 'x'}, MAP {'k': 7}, '{"a": [1]}', 'y', \
                INTERVAL '1 year 2 days', '\\xAA'::BLOB)
                """)
            let result = try await client.execute("SELECT * FROM t")
            let cells = result["rows"]?[0]?.array?.map { $0["value"]?.string ?? $0["base64"]?.string ?? "?" }
            #expect(
                cells == [
                    "170141183460469231731687303715884105727", "1.500", "2024-02-29", "2024-02-29 12:34:56.25",
                    "8f3c2a10-0000-4000-8000-0123456789ab", "[1,null,3]", #"{"a":1,"b":"x"}"#, #"{"k":7}"#, #"{"a": [1]}"#, "y",
                    "1 year 2 days", "qg",
                ])
            #expect(
                result["cols"]?.array?.compactMap { $0["decltype"]?.string } == [
                    "HUGEINT", "DECIMAL(18,3)", "DATE", "TIMESTAMP", "UUID", "INTEGER[]", "STRUCT(a INTEGER, b VARCHAR)",
                    "MAP(VARCHAR, INTEGER)", "JSON", "ENUM('x', 'y')", "INTERVAL", "BLOB",
                ])
        }

        @Test func nothingOutsideTheDatabaseIsWithinReach() async throws {
            let client = try await make("duck-locked")
            for sql in [
                "ATTACH '/tmp/other.db'", "COPY (SELECT 1) TO '/tmp/x.csv'", "SELECT * FROM read_csv('/etc/passwd')",
                "INSTALL httpfs", "LOAD httpfs", "EXPORT DATABASE '/tmp/x'", "SET memory_limit = '100GB'", "SET threads = 64",
                "SET enable_external_access = true", "SET lock_configuration = false", "SELECT * FROM '/etc/hosts'", "CHECKPOINT",
            ] {
                let code = await code(client, sql)
                #expect(code.hasPrefix("DUCKDB_"), "\(sql): \(code)")
            }
            #expect(!FileManager.default.fileExists(atPath: "/tmp/x.csv"))
        }

        @Test func aQueryThatExhaustsItsMemoryFailsAlone() async throws {
            let client = try await make("duck-memory")
            try await client.execute("CREATE TABLE t AS SELECT range AS i FROM range(100000)")
            async let greedy = code(client, "SELECT list(i) FROM range(50000000) r(i)")
            for _ in 0..<5 { #expect(try await client.rows("SELECT count(*) FROM t") == [[.sqlInteger(100_000)]]) }
            #expect(await greedy == "DUCKDB_OUT_OF_MEMORY")
            #expect(try await client.rows("SELECT max(i) FROM t") == [[.sqlInteger(99_999)]])
        }

        /// Rows go past the leader and the gateway in front of it piece by piece.
        @Test(arguments: ["sqlite", "duckdb"]) func aResultLargerThanItsAnswersMayBeStreams(engine: String) async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin(), name = "streaming-\(engine)"
            try await admin.createDatabase(name, engine: engine)
            let client = try fleet.client(name)
            try await client.execute("CREATE TABLE t (i INTEGER, pad TEXT)")
            let series = engine == "duckdb"
                ? "SELECT range, repeat('x', 200) FROM range(200000)"
                : "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199999) SELECT i, printf('%.200c', 'x') FROM n"
            try await client.execute("INSERT INTO t \(series)")
            let whole = await code(client, "SELECT * FROM t")
            #expect(whole == "RESPONSE_TOO_LARGE")

            let leader = try await admin.waitForLeader(of: name)
            let other = try #require(try fleet.description().nodes.first { $0.name != leader })
            let reader = CursorReader(url: other.url, database: name, token: try fleet.description().token)
            let before = try Self.peakMegabytes(of: try fleet.node(leader).pid)
            let summary = try await reader.read("SELECT i, pad FROM t")
            #expect(summary.rows == 200_000 && summary.isInOrder && summary.bytes > 50 << 20)
            #expect(summary.last == "step_end")
            // The answer has 50 MB. DuckDB keeps what it read as far as one database may; nothing is held beyond that.
            #expect(try Self.peakMegabytes(of: try fleet.node(leader).pid) - before < (engine == "duckdb" ? 300 : 30))
        }

        private static func peakMegabytes(of pid: Int32) throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) / 1024
        }

        /// Real data through the loading route, and every answer as DuckDB's own module gives it.
        @Test func realDataAnswersAsDuckDBItself() async throws {
            let fleet = try TestFleet.ofThisSuite()
            try await fleet.admin().createDatabase("duck-vega", engine: "duckdb", durability: "bucket")
            let run = try await Python.run(
                "duckdb_vega.py", ["\(fleet.node("node-2").url)/db/duck-vega/", try fleet.description().token], patience: .seconds(240))
            #expect(run.exitCode == 0, "\(run)")
            #expect((try JSON.parse(run.standardOutput).array?.count ?? 0) >= 10, "\(run)")
        }

        @Test func loadsCommaSeparatedValuesIntoBothEngines() async throws {
            let fleet = try TestFleet.ofThisSuite()
            for engine in ["sqlite", "duckdb"] {
                let name = "loading-\(engine)"
                try await fleet.admin().createDatabase(name, engine: engine, durability: "bucket")
                let client = try fleet.client(name, through: "node-3")
                try await client.execute("CREATE TABLE t (i INTEGER, s TEXT)")
                let csv = "i,s\n" + (0..<20_000).map { "\($0),\"row, \($0)\"" }.joined(separator: "\n")
                let reply = try await HTTP.send(
                    .POST, "\(client.url)/db/\(name)/v1/load?table=t", headers: [("Authorization", "Bearer \(client.token ?? "")")],
                    body: Data(csv.utf8))
                let loaded = try reply.json()["rows_loaded"]?.integer
                #expect(reply.status == 200 && loaded == 20_000, "\(reply)")
                #expect(try await client.rows("SELECT count(*), max(s) FROM t") == [[.sqlInteger(20_000), .sqlText("row, 9999")]])
                let bad = try await HTTP.send(
                    .POST, "\(client.url)/db/\(name)/v1/load?table=nothing", headers: [("Authorization", "Bearer \(client.token ?? "")")],
                    body: Data(csv.utf8))
                #expect(bad.status == 400 && bad.code == "LOAD_TARGET_UNKNOWN", "\(bad)")
            }
        }
    }
}

extension EndToEnd {
    /// DuckDB workers die in the middle of what takes them longest.
    @Suite(.serialized, .fleet { $0.leaseTTL = .seconds(2); $0.shipInterval = .milliseconds(100) }) struct DuckDBCrashes {
        /// Appends of more than a row group bypass the log, and a checkpoint rewrites the file: each is there as a whole or not at
        /// all, and all of them that were acknowledged.
        @Test func killedInTheMiddleOfCheckpointsAndLargeAppends() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            try await admin.createDatabase("appends", engine: "duckdb", durability: "bucket")
            let client = try fleet.client("appends")
            try await client.execute("CREATE TABLE t (batch INTEGER, i INTEGER)")
            // Left alone it succeeds: what goes wrong below is the kill's.
            try await client.execute("FROM checkpoint()")
            try await fleet.waitForAllNodes()
            var acknowledged: Set<Int> = [], random = SeededGenerator(seed: 4)
            for batch in 0..<16 {
                let victim = try await admin.waitForLeader(of: "appends")
                let pid = try fleet.node(victim).pid
                // A large append, or a small one followed by a checkpoint.
                let isLarge = batch.isMultiple(of: 2)
                let writing = Task {
                    try await client.execute("INSERT INTO t SELECT \(batch), range FROM range(\(isLarge ? 300_000 : 1_000))", timeout: .seconds(20))
                    if !isLarge { _ = try? await client.execute("FROM checkpoint()", timeout: .seconds(20)) }
                }
                // The moment is what is tried out: somewhere between before the statement and after its publishing.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...500, using: &random)))
                try await fleet.kill(node: victim)
                if (try? await writing.value) != nil { acknowledged.insert(batch) }
                try await fleet.waitForWorker(of: victim, otherThan: pid)
                // The gateway asked may be the one that died, and be back a moment after its worker.
                let rows = try await eventually("the database is read") {
                    try? await client.rows("SELECT batch, count(*), sum(i) FROM t GROUP BY batch ORDER BY batch")
                }
                var found: Set<Int> = []
                for row in rows {
                    let number = Int(row[0].cell ?? "") ?? -1, count = number.isMultiple(of: 2) ? 300_000 : 1_000
                    #expect(row[1].cell == "\(count)" && row[2].cell == "\(count * (count - 1) / 2)", "batch \(number) is there in part")
                    found.insert(number)
                }
                #expect(acknowledged.subtracting(found).isEmpty, "acknowledged, and gone: \(acknowledged.subtracting(found))")
            }
            #expect(!acknowledged.isEmpty)
        }
    }

    /// A node without the library says so, and serves what it can.
    @Suite(.serialized, .fleet { $0.environment = ["BERTH_DUCKDB_LIBRARY": "/nowhere/libduckdb.so"] }) struct WithoutDuckDB {
        @Test func sqliteFleetsRunWithoutTheLibrary() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let listed = try await fleet.berth("node", "list")
            #expect(listed.standardOutput.contains("sqlite") && !listed.standardOutput.contains("duckdb"), "\(listed)")
            let refused = try await fleet.berth("db", "create", "sales", "--engine", "duckdb")
            #expect(refused.exitCode != 0 && refused.standardError.contains("engine_unavailable"), "\(refused)")
            #expect(refused.standardError.contains("ops/install-duckdb"), "\(refused)")
            #expect(try await admin.send(.GET, "/v1/databases/sales").status == 404, "nothing is half done")
            try await admin.createDatabase("shop")
            try await fleet.client("shop").execute("CREATE TABLE t (a)")
            try await fleet.client("shop").execute("INSERT INTO t VALUES (1)")
            #expect(try await fleet.client("shop", through: "node-3").rows("SELECT a FROM t") == [[.sqlInteger(1)]])
        }

        /// A DuckDB database has one place to be, and waits for it rather than going where it cannot be served.
        @Test func oneNodeAmongThemHasTheLibrary() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin(), name = "node-with-duckdb"
            func start() async throws -> RoleProcess {
                let node = try await fleet.startRole(
                    ["node", "run", "--name", name, "--data", "\(fleet.directory)/\(name)"], name: name,
                    environment: ["BERTH_POSTGRES": fleet.postgres, "BERTH_BUCKET": fleet.bucket])
                try await eventually("the node is there, with its engine") {
                    let shown = try? await admin.node(name)
                    let engines = shown?["engines"]?.array?.compactMap(\.string)
                    return shown?["alive"]?.bool == true && engines == ["duckdb", "sqlite"] ? () : nil
                }
                return node
            }
            var node = try await start()
            do {
                try await admin.createDatabase("sales", engine: "duckdb", durability: "bucket")
                let client = try fleet.client("sales")
                try await client.execute("CREATE TABLE t (a INTEGER)")
                try await client.execute("INSERT INTO t VALUES (7)")
                #expect(try await admin.leader(of: "sales") == name)
                let moved = try await fleet.berth("db", "move", "sales", "--to", "node-1")
                #expect(moved.exitCode != 0 && moved.standardError.contains("duckdb"), "\(moved)")
                let drained = try await fleet.berth("node", "drain", name)
                #expect(drained.exitCode != 0 && drained.standardError.contains("duckdb"), "\(drained)")
                let uncordoned = try await fleet.berth("node", "uncordon", name)
                #expect(uncordoned.exitCode == 0, "\(uncordoned)")
                #expect(try await client.rows("SELECT a FROM t") == [[.sqlInteger(7)]])

                await node.kill()
                try await eventually("its session has ended") { try await admin.node(name)["alive"]?.bool == false ? () : nil }
                try await admin.createDatabase("beside")
                try await fleet.client("beside").execute("CREATE TABLE t (a)")
                #expect(try await admin.database("sales")["placed_on"]?.string == name)
                node = try await start()
                let rows = try await eventually("it is served again") { try? await client.rows("SELECT a FROM t") }
                #expect(rows == [[.sqlInteger(7)]])
            } catch {
                await node.stop()
                throw error
            }
            #expect(await node.stop() == 0)
        }
    }
}
