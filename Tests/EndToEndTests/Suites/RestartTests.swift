import BerthTestKit
import Foundation
import NIOHTTP1
import Testing

extension EndToEnd {
    @Suite(.serialized, .fleet { $0.nodes = 2; $0.leaseTTL = .milliseconds(1500) }) struct Restarts {
        /// Stopped in order and started again, a fleet has everything, even on nodes with empty disks.
        @Test(arguments: [false, true])
        func aSecondStartFindsEverything(disksAreLost: Bool) async throws {
            let fleet = try TestFleet.ofThisSuite(), first = try fleet.description()
            let names = ["local", "bucket"].map { "kept-\($0)-\(disksAreLost)" }
            for name in names {
                try await fleet.admin().createDatabase(name, durability: name.contains("local") ? "local" : "bucket")
                try await fleet.client(name).execute("CREATE TABLE t (a)")
                for number in 0..<20 { try await fleet.client(name).execute("INSERT INTO t VALUES (?)", [.sqlInteger(Int64(number))]) }
            }
            let before = try await fleet.admin().call(.GET, "/v1/databases")["databases"]?.array ?? []

            // Right after the last write: what was not shipped yet is shipped on the way out.
            #expect(await fleet.stopProcesses() == 0)
            #expect(!FileManager.default.fileExists(atPath: "\(fleet.directory)/dev.json"))
            #expect(fleet.survivors() == [])
            for node in first.nodes where disksAreLost {
                try FileManager.default.removeItem(atPath: "\(fleet.directory)/\(node.name)")
            }

            try await fleet.startAgain()
            #expect(try fleet.description().token == first.token)
            try await fleet.waitForAllNodes()
            #expect(try await fleet.admin().databaseNames() == before.compactMap { $0["name"]?.string })
            for name in names {
                for node in first.nodes {
                    let rows = try await fleet.client(name, through: node.name).rows("SELECT count(*), max(a) FROM t")
                    #expect(rows == [[.sqlInteger(20), .sqlInteger(19)]])
                }
                try await fleet.client(name).execute("INSERT INTO t VALUES (20)")
                let former = before.first { $0["name"]?.string == name }
                #expect(try await fleet.admin().database(name)["epoch"]?.integer ?? 0 > former?["epoch"]?.integer ?? 0)
            }
        }
    }
}
