import BerthTestKit
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    /// Databases move while they are used: requests wait, none fails.
    @Suite struct Moves {
        @Test func movesUnderTrafficFailNoRequest() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let databases = ["moving-local", "moving-bucket", "moving-duckdb"]
            try await admin.createDatabase(databases[0], durability: "local")
            try await admin.createDatabase(databases[1], durability: "bucket")
            try await admin.createDatabase(databases[2], engine: "duckdb", durability: "bucket")
            let traffic = try await SteadyTraffic.start(on: databases, of: fleet)
            do {
                try await traffic.waitForWrites(3)
                for round in 0..<2 {
                    for node in ["node-1", "node-2", "node-3"] {
                        let moved = try await fleet.berth("db", "move", databases[0], "--to", node)
                        #expect(moved.exitCode == 0, "\(moved)")
                        for database in databases.dropFirst() {
                            let operation = try await admin.begin("/v1/databases/\(database)/move", ["to": .string(node)])
                            let finished = try await admin.finished(operation)
                            #expect(finished["state"]?.string == "succeeded", "round \(round): \(finished)")
                        }
                        for database in databases {
                            let now = try await admin.database(database)
                            #expect(now["leader"]?.string == node && now["placed_on"]?.string == node, "\(now)")
                        }
                        try await traffic.waitForWrites(2)
                    }
                }
            } catch {
                #expect(await traffic.stop().failures == [])
                throw error
            }
            let outcome = await traffic.stop()
            #expect(outcome.failures == [])
            for database in databases {
                let rows = try await fleet.client(database).rows("SELECT count(*), max(number) FROM traffic")
                let written = Int64(outcome.written[database] ?? 0)
                #expect(rows == [[.sqlInteger(written), .sqlInteger(written - 1)]])
            }
            print("moves under traffic: \(outcome.written) writes, the longest round took \(outcome.longest)")
        }

        @Test func aForcedFailoverKeepsEverything() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            for (engine, durability) in [("sqlite", "local"), ("sqlite", "bucket"), ("duckdb", "local"), ("duckdb", "bucket")] {
                let name = "failing-over-\(engine)-\(durability)"
                try await admin.createDatabase(name, engine: engine, durability: durability)
                let leader = try await admin.waitForLeader(of: name)
                let traffic = try await SteadyTraffic.start(on: [name], of: fleet)
                let epoch = try await admin.database(name)["epoch"]?.integer ?? 0
                let run = try await fleet.berth("failover", name)
                #expect(run.exitCode == 0, "\(run)")
                try await traffic.waitForWrites(3)
                #expect(await traffic.stop().failures == [])
                let after = try await admin.database(name)
                #expect(after["leader"]?.string != leader && after["leader"]?.string != nil)
                #expect(after["epoch"]?.integer ?? 0 > epoch)
            }
        }

        /// A transaction that is left open does not hold a move up for ever; it is rolled back, and says so.
        @Test func anOpenTransactionEndsWithAMove() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            try await admin.createDatabase("open-transaction", durability: "bucket")
            let client = try fleet.client("open-transaction")
            try await client.execute("CREATE TABLE t (a)")
            let (began, baton) = try await client.pipeline([
                DataClient.execute("BEGIN IMMEDIATE"), DataClient.execute("INSERT INTO t VALUES (1)"),
            ])
            #expect(began.allSatisfy { $0["type"]?.string == "ok" })
            let leader = try await admin.waitForLeader(of: "open-transaction")
            let target = leader == "node-1" ? "node-2" : "node-1"
            let moved = try await fleet.berth("db", "move", "open-transaction", "--to", target)
            #expect(moved.exitCode == 0, "\(moved)")
            await #expect { try await client.pipeline([DataClient.execute("COMMIT")], baton: baton) } throws: { error in
                (error as? DataClient.Refused)?.code == "STREAM_EXPIRED"
            }
            #expect(try await client.rows("SELECT count(*) FROM t") == [[.sqlInteger(0)]])
        }

        @Test func aMoveNeedsANodeThatCanTakeIt() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            try await admin.createDatabase("staying")
            let leader = try await admin.waitForLeader(of: "staying")
            let other = leader == "node-1" ? "node-2" : "node-1"
            try await fleet.client("staying").execute("CREATE TABLE t (a)")

            let unknown = try await fleet.berth("db", "move", "staying", "--to", "node-99")
            #expect(unknown.exitCode == 4 && unknown.standardError.contains("node_not_found"), "\(unknown)")

            #expect(try await fleet.berth("node", "cordon", other).exitCode == 0)
            let cordoned = try await fleet.berth("db", "move", "staying", "--to", other)
            #expect(cordoned.exitCode == 3 && cordoned.standardError.contains("node_cordoned"), "\(cordoned)")
            // A cordoned node gets nothing new either.
            for number in 0..<4 { try await admin.createDatabase("elsewhere-\(number)") }
            for number in 0..<4 { #expect(try await admin.database("elsewhere-\(number)")["placed_on"]?.string != other) }
            #expect(try await fleet.berth("node", "uncordon", other).exitCode == 0)
            #expect(try await admin.node(other)["state"]?.string == "active")

            // A node that registered, started from environment variables alone, and died.
            let spare = try await fleet.startRole(
                ["node", "run"], name: "spare",
                environment: [
                    "BERTH_NAME": "spare", "BERTH_POSTGRES": fleet.postgres, "BERTH_BUCKET": fleet.bucket,
                    "BERTH_DATA": "\(fleet.directory)/spare",
                ])
            do {
                try await eventually("the spare node is alive") {
                    try await admin.node("spare")["alive"]?.bool == true ? () : nil
                }
            } catch {
                await spare.stop()
                throw error
            }
            #expect(await spare.stop() == 0)
            try await eventually("the spare node is dead") {
                try await admin.node("spare")["alive"]?.bool == false ? () : nil
            }
            let dead = try await fleet.berth("db", "move", "staying", "--to", "spare")
            #expect(dead.exitCode == 3 && dead.standardError.contains("node_dead"), "\(dead)")

            let after = try await admin.database("staying")
            #expect(after["leader"]?.string == leader && after["placed_on"]?.string == leader)
            #expect(try await admin.call(.GET, "/v1/operations?open=true")["operations"] == [])
            try await fleet.client("staying").execute("INSERT INTO t VALUES (1)")
        }
    }
}
