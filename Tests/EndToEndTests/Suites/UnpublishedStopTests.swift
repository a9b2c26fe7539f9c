import BerthTestKit
import Foundation
import LocalFleet
import NIOHTTP1
import Testing

extension EndToEnd {
    /// Rule 8 with real processes: whoever stops a node whose bucket is gone learns that commits are on its disk alone, and they are there
    /// when it comes back.
    @Suite(.serialized) struct UnpublishedStops {
        /// Nobody's silence ends a session while these tests run.
        private static let ttl: Duration = .seconds(120)
        private static let shutdownTimeout = 1500

        /// A fleet of one node, whose bucket can be taken away.
        private struct Site {
            let moto: MotoServer
            let relay: Relay
            let fleet: TestFleet
            let bucket: String

            /// Runs `body` with a site whose parts all end with it.
            static func with(_ body: (Site) async throws -> Void) async throws {
                let moto = try await MotoServer.start()
                let relay = try await Relay.start(to: moto.port)
                do {
                    let bucket = try await moto.url(bucket: "berth").replacing(moto.endpoint, with: relay.endpoint)
                    var options = FleetOptions()
                    options.nodes = 1
                    options.leaseTTL = ttl
                    options.bucket = bucket
                    options.settings = ["shutdown-timeout-ms": shutdownTimeout]
                    options.environment = MotoServer.environment
                    let fleet = try await TestFleet.start(options)
                    do { try await body(Site(moto: moto, relay: relay, fleet: fleet, bucket: bucket)) } catch {
                        relay.mend()
                        await fleet.stop()
                        throw error
                    }
                    await fleet.stop()
                } catch {
                    await relay.stop()
                    await moto.stop()
                    throw error
                }
                await relay.stop()
                await moto.stop()
            }

            /// Writes what reaches the bucket, takes the bucket away, and writes what does not.
            func writeBeforeAndAfterTheEnd(of database: DataClient) async throws {
                try await database.execute("CREATE TABLE t (a)")
                try await database.execute("INSERT INTO t VALUES ('in the bucket')")
                try await eventually("it is shipped") {
                    try await fleet.admin().database(database.database)["ship_lag_ms"]?.integer == 0 ? () : nil
                }
                relay.cut()
                try await database.execute("INSERT INTO t VALUES ('on the disk')")
            }

            /// A node beside that of `berth dev`.
            func startNode(_ name: String, _ flags: String...) async throws -> RoleProcess {
                try await fleet.startRole(
                    ["node", "run", "--name", name, "--data", "\(fleet.directory)/\(name)", "--postgres", fleet.postgres, "--bucket", bucket]
                        + flags,
                    name: name, environment: MotoServer.environment.merging(["BERTH_SHUTDOWN_TIMEOUT_MS": "\(shutdownTimeout)"]) { $1 })
            }

            /// A client of a new `local` database that `node` leads.
            func database(_ name: String, on node: String) async throws -> DataClient {
                try await fleet.admin().createDatabase(name)
                if try await fleet.admin().waitForLeader(of: name) != node {
                    _ = try await fleet.admin().finished(fleet.admin().begin("/v1/databases/\(name)/move", ["to": .string(node)]))
                }
                return try fleet.client(name)
            }
        }

        private static let both: [[JSON]] = [[.sqlText("in the bucket")], [.sqlText("on the disk")]]

        @Test(.enabled(if: S3Program.isInstalled, "install moto: pip install 'moto[server]'"))
        func aNodeThatCannotPublishEndsWithCodeSevenAndGoesOnLater() async throws {
            try await Site.with { site in
                var node = try await site.startNode("kept")
                do {
                    _ = try await node.address()
                    let client = try await site.database("kept", on: "kept")
                    try await site.writeBeforeAndAfterTheEnd(of: client)
                    #expect(await node.stop() == 7)
                    let log = site.fleet.log(of: "kept")
                    // The worker names the databases, the supervisor says what became of the node.
                    #expect(log.contains("Commits of “kept” could not be brought into the bucket") && log.contains("code=7"), "\(log)")
                    #expect(log.contains("error: The node stopped with commits that are on its disk"), "\(log)")
                    #expect(log.contains("(unpublished_commits)") && !log.contains("Fatal error"), "\(log)")

                    site.relay.mend()
                    node = try await site.startNode("kept")
                    try await eventually("it serves both", within: .seconds(60)) {
                        try await client.rows("SELECT a FROM t ORDER BY a") == Self.both ? () : nil
                    }
                    #expect(await node.stop() == 0)
                } catch {
                    await node.stop()
                    throw error
                }
            }
        }

        @Test(.enabled(if: S3Program.isInstalled, "install moto: pip install 'moto[server]'"))
        func byForceANodeGivesUpWhatItCannotPublish() async throws {
            try await Site.with { site in
                let node = try await site.startNode("forced", "--force")
                do {
                    _ = try await node.address()
                    let client = try await site.database("forced", on: "forced")
                    try await site.writeBeforeAndAfterTheEnd(of: client)
                    let session = try #require(try await site.fleet.admin().node("forced")["session"]?.string)
                    #expect(await node.stop() == 0)
                    #expect(site.fleet.log(of: "forced").contains("unpublished commits are given up"))
                    #expect(try await site.fleet.endReason(of: session) == "stopped", "others may take over at once")

                    site.relay.mend()
                    try await eventually("another serves what is in the bucket", within: .seconds(60)) {
                        try await client.rows("SELECT a FROM t") == [[.sqlText("in the bucket")]] ? () : nil
                    }
                } catch {
                    await node.stop()
                    throw error
                }
            }
        }

        @Test(.enabled(if: S3Program.isInstalled, "install moto: pip install 'moto[server]'"))
        func aWholeFleetPassesTheCodeOn() async throws {
            try await Site.with { site in
                let client = try await site.database("whole", on: "node-1")
                try await site.writeBeforeAndAfterTheEnd(of: client)
                #expect(await site.fleet.stopProcesses() == 7)
                #expect(site.fleet.printed.contains("node-1 kept commits on this disk"), "\(site.fleet.printed)")
                #expect(site.fleet.printed.contains("(unpublished_commits)"))

                site.relay.mend()
                try await site.fleet.startAgain()
                let again = try site.fleet.client("whole")
                try await eventually("it serves both", within: .seconds(60)) {
                    try await again.rows("SELECT a FROM t ORDER BY a") == Self.both ? () : nil
                }
                #expect(await site.fleet.stopProcesses() == 0)
            }
        }
    }
}
