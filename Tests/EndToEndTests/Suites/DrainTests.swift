import BerthTestKit
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    @Suite struct Drains {
        private static let count = 8

        /// Databases led by `node`, each with an open transaction that a move has to wait for.
        private func slowDatabases(on node: String, prefix: String) async throws -> [String] {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let names = (0..<Self.count).map { "\(prefix)-\($0)" }
            for name in names {
                try await admin.createDatabase(name, durability: "bucket")
                let operation = try await admin.begin("/v1/databases/\(name)/move", ["to": .string(node)])
                let moved = try await admin.finished(operation)
                #expect(moved["state"]?.string == "succeeded", "\(moved)")
                let client = try fleet.client(name, through: node)
                try await client.execute("CREATE TABLE t (a)")
                try await client.execute("INSERT INTO t VALUES (1)")
            }
            for name in names {
                let client = try fleet.client(name, through: node)
                _ = try await client.pipeline([DataClient.execute("BEGIN IMMEDIATE")])
            }
            return names
        }

        private func expectEverythingIsThere(_ names: [String]) async throws {
            let fleet = try TestFleet.ofThisSuite()
            for name in names {
                #expect(try await fleet.client(name).rows("SELECT count(*) FROM t") == [[.sqlInteger(1)]])
            }
        }

        @Test func aDrainUnderTrafficEmptiesTheNode() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let names = (0..<Self.count).map { "draining-\($0)" }
            for (index, name) in names.enumerated() {
                try await admin.createDatabase(name, durability: index.isMultiple(of: 2) ? "local" : "bucket")
                let operation = try await admin.begin("/v1/databases/\(name)/move", ["to": "node-1"])
                let moved = try await admin.finished(operation)
                #expect(moved["state"]?.string == "succeeded", "\(moved)")
            }
            let traffic = try await SteadyTraffic.start(on: names, of: fleet)
            try await traffic.waitForWrites(2)
            let drained = try await fleet.berth("node", "drain", "node-1", "--output", "json")
            #expect(drained.exitCode == 0, "\(drained)")
            let operation = try JSON.parse(drained.standardOutput)
            #expect(operation["state"]?.string == "succeeded", "\(drained)")
            #expect(operation["total"]?.integer ?? 0 >= Int64(Self.count))
            #expect(operation["done"] == operation["total"])
            let late = try await fleet.berth("operation", "cancel", operation["id"]?.string ?? "")
            #expect(late.exitCode == 3 && late.standardError.contains("operation_finished"), "\(late)")
            try await traffic.waitForWrites(2)
            #expect(await traffic.stop().failures == [])
            #expect(try await admin.led(by: "node-1").isEmpty)
            let node = try await admin.node("node-1")
            #expect(node["state"]?.string == "cordoned" && node["placed"]?.integer == 0)
            let uncordoned = try await fleet.berth("node", "uncordon", "node-1", "--output", "json")
            #expect(try JSON.parse(uncordoned.standardOutput)["state"]?.string == "active", "\(uncordoned)")
        }

        @Test func aDrainIsCancelledInTheMiddle() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let names = try await slowDatabases(on: "node-2", prefix: "cancelled")
            let id = try await admin.begin("/v1/nodes/node-2/drain")
            // One drain of a node at a time.
            #expect(try await admin.send(.POST, "/v1/nodes/node-2/drain").code == "operation_conflict")
            try await eventually("the drain is under way") {
                try await admin.operation(id)["done"]?.integer ?? 0 > 0 ? () : nil
            }
            let cancelled = try await fleet.berth("operation", "cancel", id)
            #expect(cancelled.exitCode == 0, "\(cancelled)")
            let operation = try await admin.finished(id)
            #expect(operation["state"]?.string == "cancelled", "\(operation)")
            #expect(operation["done"]?.integer ?? 0 < operation["total"]?.integer ?? 0, "\(operation)")
            // Asking twice is no error.
            #expect(try await fleet.berth("operation", "cancel", id).exitCode == 0)

            // What was under way may still arrive; after that nothing moves any more.
            try await eventually("no move is under way") { () -> Void? in
                for name in names {
                    let database = try await admin.database(name)
                    guard database["leader"] == database["placed_on"] else { return nil }
                }
                return ()
            }
            #expect(try await !admin.led(by: "node-2").isEmpty)
            try await expectEverythingIsThere(names)
            #expect(try await fleet.berth("node", "uncordon", "node-2").exitCode == 0)
        }

        /// The operation is a row: the next manager, or the same one started again, goes on with it.
        @Test func aDrainOutlivesItsManager() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let names = try await slowDatabases(on: "node-3", prefix: "resumed")
            let id = try await admin.begin("/v1/nodes/node-3/drain")
            let done = try await eventually("the drain is under way") { () -> Int64? in
                let done = try await admin.operation(id)["done"]?.integer ?? 0
                return done > 0 ? done : nil
            }
            try await fleet.killManager()
            let reply = try await eventually("the manager is back") {
                let operation = try await admin.operation(id)
                return operation
            }
            #expect(reply["done"]?.integer ?? 0 >= done)
            let watched = try await fleet.berth("operation", "watch", id, "--output", "json", patience: .seconds(90))
            #expect(watched.exitCode == 0, "\(watched)")
            #expect(try await admin.operation(id)["state"]?.string == "succeeded")
            #expect(try await admin.led(by: "node-3").isEmpty)
            try await expectEverythingIsThere(names)
            #expect(try await fleet.berth("node", "uncordon", "node-3").exitCode == 0)
        }

        @Test func theLastNodeIsNotDrained() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            for node in ["node-2", "node-3"] { #expect(try await fleet.berth("node", "cordon", node).exitCode == 0) }
            let before = try await admin.led(by: "node-1")
            let refused = try await fleet.berth("node", "drain", "node-1")
            #expect(refused.exitCode == 3 && refused.standardError.contains("last_node"), "\(refused)")
            #expect(try await admin.node("node-1")["state"]?.string == "active")
            #expect(try await admin.led(by: "node-1") == before)
            #expect(try await admin.call(.GET, "/v1/operations?open=true")["operations"] == [])

            // With the last one cordoned as well, a new database has no place to go.
            #expect(try await fleet.berth("node", "cordon", "node-1").exitCode == 0)
            let homeless = try await admin.send(.POST, "/v1/databases", ["name": "homeless"])
            #expect(homeless.status == 503 && homeless.code == "no_node_available", "\(homeless)")
            #expect(try await admin.send(.GET, "/v1/databases/homeless").status == 404)
            for node in ["node-1", "node-2", "node-3"] {
                #expect(try await fleet.berth("node", "uncordon", node).exitCode == 0)
            }
        }
    }
}
