import BerthTestKit
import Foundation
import NIOCore
import NIOHTTP1
import Testing

extension EndToEnd {
    /// What Berth stands on goes away for a while.
    @Suite(.serialized, .fleet {
        $0.nodes = 2
        $0.leaseTTL = .milliseconds(1500)
        $0.shipInterval = .milliseconds(100)
        $0.settings = ["max-ship-lag-ms": 1000, "publish-timeout-ms": 1500]
    })
    struct Outages {
        /// Without its bucket a fleet reads on, and writes until too much would be at stake; nothing is lost.
        @Test func theBucketIsAway() async throws {
            let fleet = try TestFleet.ofThisSuite()
            for durability in ["local", "bucket"] {
                try await fleet.admin().createDatabase("away-\(durability)", durability: durability)
                try await fleet.client("away-\(durability)").execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
            }
            let local = try fleet.client("away-local"), bucket = try fleet.client("away-bucket")
            try await bucket.execute("INSERT INTO t VALUES (0)")
            let away = fleet.bucket + ".away"
            try FileManager.default.moveItem(atPath: fleet.bucket, toPath: away)
            #expect(FileManager.default.createFile(atPath: fleet.bucket, contents: nil))

            var acknowledged: Int64 = 0
            let refused = try await eventually("writes are pushed back", within: .seconds(20)) { () -> DataClient.Refused? in
                do {
                    try await local.execute("INSERT INTO t VALUES (?)", [.sqlInteger(acknowledged)])
                    acknowledged += 1
                    return nil
                } catch let error as DataClient.Refused { return error }
            }
            #expect(refused.status == 503 && refused.code == "ship_lag_exceeded", "\(refused)")
            #expect(acknowledged > 0)
            #expect(try await local.rows("SELECT count(*) FROM t") == [[.sqlInteger(acknowledged)]])
            await #expect { try await bucket.execute("INSERT INTO t VALUES (1)") } throws: { error in
                let code = (error as? DataClient.Refused)?.code
                return code == "outcome_unknown" || code == "ship_lag_exceeded"
            }

            try FileManager.default.removeItem(atPath: fleet.bucket)
            try FileManager.default.moveItem(atPath: away, toPath: fleet.bucket)
            try await eventually("writes go on") { try await local.execute("INSERT INTO t VALUES (?)", [.sqlInteger(acknowledged)]) }
            #expect(try await local.rows("SELECT count(*) FROM t") == [[.sqlInteger(acknowledged + 1)]])
            try await eventually("everything is shipped") {
                try await fleet.admin().database("away-local")["ship_lag_ms"]?.integer == 0 ? () : nil
            }
            // The write whose outcome was unknown turns out one way or the other, and only once.
            #expect(try await ["1", "2"].contains(bucket.rows("SELECT count(*) FROM t")[0][0].cell))
            try await bucket.execute("INSERT INTO t VALUES (2)")
        }

        /// An outage longer than the TTL closes every gate and ends nobody's session: renewals that come late are valid.
        @Test func postgresStandsStill() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let names = ["still-local", "still-bucket"]
            for name in names {
                try await admin.createDatabase(name, durability: name.hasSuffix("local") ? "local" : "bucket")
                try await fleet.client(name).execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
                try await fleet.client(name).execute("INSERT INTO t VALUES (0)")
            }
            let before = try await admin.call(.GET, "/v1/nodes")
            func epochs() async throws -> [JSON?] {
                var epochs: [JSON?] = []
                for name in names { epochs.append(try await admin.database(name)["epoch"]) }
                return epochs
            }
            let epochsBefore = try await epochs()

            try await fleet.pausePostgres()
            // Also when this test fails: the next one has the same fleet.
            defer { fleet.resumePostgres() }
            // Each node's deadline is its own: whoever leads, all gates must be closed.
            for node in try fleet.description().nodes {
                try await eventually("the gate of \(node.name) is closed", within: .seconds(10)) {
                    try PrometheusText(try await HTTP.send(.GET, node.url + "/metrics").text).total("berth_lease_gate_open") == 0 ? () : nil
                }
            }
            // Nobody knows any more who leads, so nobody acknowledges.
            for name in names {
                let reply = try? await fleet.client(name).post(
                    "/v2/pipeline", ["requests": [DataClient.execute("INSERT INTO t VALUES (1)"), ["type": "close"]]],
                    timeout: .seconds(3))
                #expect(reply.map { $0.status >= 500 } ?? true, "\(name): \(reply?.description ?? "")")
            }
            fleet.resumePostgres()

            for name in names {
                try await eventually("\(name) is written to again") {
                    try await fleet.client(name).execute("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING")
                }
                #expect(try await fleet.client(name).rows("SELECT a FROM t ORDER BY a") == [[.sqlInteger(0)], [.sqlInteger(1)]])
            }
            #expect(try await epochs() == epochsBefore)
            let after = try await admin.call(.GET, "/v1/nodes")
            #expect(after["nodes"]?.array?.map { $0["session"] } == before["nodes"]?.array?.map { $0["session"] })
        }

        /// Even `berth dev` itself may be killed: what it started ends with it, and the next start finds everything.
        @Test func everythingIsKilled() async throws {
            let fleet = try TestFleet.ofThisSuite()
            try await fleet.admin().createDatabase("killed", durability: "bucket")
            try await fleet.client("killed").execute("CREATE TABLE t (a)")
            try await fleet.client("killed").execute("INSERT INTO t VALUES (1)")
            try await fleet.killProcesses()
            try await fleet.startAgain()
            try await fleet.waitForAllNodes()
            #expect(try await fleet.client("killed").rows("SELECT a FROM t") == [[.sqlInteger(1)]])
            try await fleet.client("killed").execute("INSERT INTO t VALUES (2)")
        }
    }
}
