import BerthTestKit
import Foundation
import NIOHTTP1
import Testing

extension EndToEnd {
    /// A fleet is upgraded node by node while it is used.
    ///
    /// The next program is this one in a file of its own that calls itself `0.2.0`, with a newer protocol and format: what matters is
    /// that its file replaces the other one under running supervisors, that it finds sessions of another version beside its own,
    /// and that the old one works, and starts, on the schema the next one left behind, whose last migration it has never heard of.
    /// `berth dev` gives Postgres, the manager and a node that stays old; the nodes that are upgraded are the test's own.
    @Suite(.serialized, .fleet { $0.nodes = 1; $0.shipInterval = .milliseconds(100) }) struct RollingUpgrades {
        private static let next = ["BERTH_TEST_PROGRAM": "0.2.0 2 2"]

        private func start(_ name: String, _ fleet: TestFleet, _ program: String, environment: [String: String] = [:]) async throws -> RoleProcess {
            let node = try await fleet.startRole(
                [
                    "node", "run", "--name", name, "--data", "\(fleet.directory)/\(name)", "--postgres", fleet.postgres,
                    "--bucket", fleet.bucket, "--ship-interval-ms", "100",
                ], name: name, executable: program, environment: environment)
            let version = environment.isEmpty ? "0.1.0" : "0.2.0"
            let admin = try fleet.admin()
            do {
                try await eventually("\(name) runs \(version)", within: .seconds(60)) {
                    let now = try await admin.node(name)
                    return now["alive"]?.bool == true && now["version"]?.string == version ? () : nil
                }
            } catch {
                await node.stop()
                throw error
            }
            return node
        }

        @Test func nothingIsLostAndNothingFailsWhileNodesAreUpgradedOneByOne() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            try await fleet.waitForAllNodes()
            let program = "\(fleet.directory)/berth-installed"
            try FileManager.default.copyItem(atPath: try BerthBinary.path(), toPath: program)
            let names = ["upgraded-1", "upgraded-2", "upgraded-3"]
            var nodes: [String: RoleProcess] = [:]
            do {
                for name in names { nodes[name] = try await start(name, fleet, program) }
                // It lends its gateway to the clients, and the schema and the formats an old node.
                try await admin.call(.POST, "/v1/nodes/node-1/cordon")
                let databases = ["rolled-local-1", "rolled-local-2", "rolled-bucket-1", "rolled-bucket-2"]
                for name in databases { try await admin.createDatabase(name, durability: name.contains("local") ? "local" : "bucket") }
                let traffic = try await SteadyTraffic.start(on: databases, of: fleet)
                do {
                    try await traffic.waitForWrites(5)
                    try await fleet.install(program: program)
                    try await fleet.migrateAsTheNextProgramWould()
                    // An old process that starts now finds a migration it does not know, which says that it may.
                    let gateway = try await fleet.startRole(["gateway", "--postgres", fleet.postgres], name: "old-gateway", executable: program)
                    _ = try await gateway.address()
                    #expect(await gateway.stop() == 0)

                    for name in names {
                        let drained = try await fleet.berth("node", "drain", name, "--timeout", "60")
                        #expect(drained.exitCode == 0, "\(drained)")
                        #expect(await nodes.removeValue(forKey: name)?.stop() == 0)
                        nodes[name] = try await start(name, fleet, program, environment: Self.next)
                        try await admin.call(.POST, "/v1/nodes/\(name)/uncordon")
                        try await traffic.waitForWrites(5)
                        // One old node is enough that the new format may not be written.
                        let refused = try await fleet.berth("fleet", "set", "--write-format", "2")
                        #expect(refused.exitCode == 3 && refused.standardError.contains("write_format_refused"), "\(refused)")
                        #expect(refused.standardError.contains("node-1") && !refused.standardError.contains(name), "\(refused)")
                    }
                } catch {
                    _ = await traffic.stop()
                    throw error
                }
                let outcome = await traffic.stop()
                #expect(outcome.failures == [])
                for name in databases {
                    let rows = try await fleet.client(name).rows("SELECT count(*), max(number) FROM traffic")
                    let written = Int64(outcome.written[name] ?? 0)
                    #expect(rows == [[.sqlInteger(written), .sqlInteger(written - 1)]])
                    let leader = try #require(try await admin.leader(of: name))
                    #expect(names.contains(leader))
                }
            } catch {
                for node in nodes.values { await node.stop() }
                throw error
            }
            for node in nodes.values { #expect(await node.stop() == 0) }
        }
    }
}

extension TestFleet {
    /// Replaces an installed program by the next one, as `mv` and package managers do: another file of the same name.
    fileprivate func install(program: String) async throws {
        try FileManager.default.copyItem(atPath: try BerthBinary.path(), toPath: program + ".new")
        guard rename(program + ".new", program) == 0 else { throw POSIXError(.EIO) }
    }
}
