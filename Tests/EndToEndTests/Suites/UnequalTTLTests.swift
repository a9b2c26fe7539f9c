import BerthTestKit
import Foundation
import NIOCore
import NIOHTTP1
import Testing

private enum TTL {
    static let ofTheNodes: Duration = .seconds(6)
    static let ofTheManager: Duration = .seconds(1)

    static func milliseconds(_ ttl: Duration) -> String { String(ttl.components.seconds * 1000) }
}

extension EndToEnd {
    /// Rule 1: the TTL belongs to the session. A fleet changes its own while nodes run, and a manager that began after the change
    /// watches sessions that were promised more.
    @Suite(.serialized, .fleet { $0.leaseTTL = TTL.ofTheNodes; $0.shipInterval = .milliseconds(100) }) struct UnequalTTLs {
        private static let writes = 60

        @Test func aLeaderThatStoodStillAcknowledgesNothingItsSuccessorDoesNotHave() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin(), name = "stood-still"
            try await fleet.waitForAllNodes()
            try await admin.createDatabase(name)
            try await fleet.client(name).execute("CREATE TABLE writes (a)")

            // The manager that starts now has the new TTL, and the nodes have theirs.
            let set = try await fleet.berth("fleet", "set", "--lease-ttl-ms", TTL.milliseconds(TTL.ofTheManager))
            #expect(set.exitCode == 0, "\(set)")
            #expect(set.standardOutput.contains("4 live sessions keep another"), "\(set)")
            try await fleet.killManager()
            try await eventually("only the nodes keep another TTL") {
                try await admin.call(.GET, "/v1/fleet")["sessions_of_another_ttl"]?.integer == 3 ? () : nil
            }

            let victim = try await admin.waitForLeader(of: name)
            let session = try #require(try await admin.node(victim)["session"]?.string)
            let url = try fleet.node(victim).url, token = try fleet.description().token
            let connected = try await Self.write(url, name, token, value: "before")
            #expect(connected)
            try await fleet.pause(node: victim)
            // Sent to the leader itself and for it alone, they wait in its sockets.
            let direct = (0..<Self.writes).map { number in
                Task { (try? await Self.write(url, name, token, value: "direct-\(number)")) ?? false }
            }
            try await eventually("another node serves \(name)", within: .seconds(60)) { () -> Void? in
                guard let leader = try await admin.leader(of: name), leader != victim else { return nil }
                _ = try await fleet.client(name, through: leader).rows("SELECT count(*) FROM writes")
                return ()
            }
            fleet.resume(node: victim)
            var acknowledged = 0
            for write in direct where await write.value { acknowledged += 1 }
            #expect(acknowledged == 0)

            // It was left alone as long as it had been promised, to the last millisecond.
            let reason = try #require(try await fleet.endReason(of: session))
            let silence = try #require(reason.firstMatch(of: /silent for ([0-9]+) ms/).flatMap { Int64($0.1) })
            #expect(silence >= TTL.ofTheNodes.components.seconds * 1000)
            let other = try #require(try fleet.description().nodes.map(\.name).first { $0 != victim })
            let strays = try await fleet.client(name, through: other).rows("SELECT count(*) FROM writes WHERE a LIKE 'direct%'")
            #expect(strays == [[.sqlInteger(0)]])
            // Its next session has the fleet's.
            try await eventually("the node began again, with the new TTL") {
                try await admin.call(.GET, "/v1/fleet")["sessions_of_another_ttl"]?.integer == 2 ? () : nil
            }
        }

        @Test func aProcessThatWasToldAnotherTTLDoesNotStart() async throws {
            let fleet = try TestFleet.ofThisSuite()
            let common = ["--postgres", fleet.postgres, "--listen", "127.0.0.1:0", "--lease-ttl-ms", "77000"]
            for arguments in [
                ["manager", "--bucket", fleet.bucket], ["gateway"],
                ["node", "run", "--bucket", fleet.bucket, "--name", "other", "--data", "\(fleet.directory)/other"],
            ] {
                let run = try await ProgramRun.of([try BerthBinary.path()] + arguments + common)
                #expect(run.exitCode == 3, "\(run)")
                #expect(run.standardError.contains("(fleet_setting_differs)") && run.standardError.contains("berth fleet set"), "\(run)")
            }
        }

        /// - Returns: whether it was acknowledged.
        private static func write(_ url: String, _ database: String, _ token: String, value: String) async throws -> Bool {
            let body: JSON = [
                "requests": [DataClient.execute("INSERT INTO writes VALUES (?)", [.sqlText(value)]), ["type": "close"]],
            ]
            let reply = try await HTTP.send(
                .POST, "\(url)/db/\(database)/v2/pipeline",
                headers: [("Authorization", "Bearer \(token)"), ("x-berth-hop", "1")], body: try body.encoded(), timeout: .seconds(70))
            return try reply.status == 200 && reply.json()["results"]?[0]?["type"]?.string == "ok"
        }
    }
}
