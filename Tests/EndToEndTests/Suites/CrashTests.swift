import BerthTestKit
import Foundation
import LocalFleet
import NIOHTTP1
import Testing

/// Short enough for a test, long enough for a machine with two processors.
private enum Timing {
    static let ttl: Duration = .seconds(2)
    static let shipInterval: Duration = .milliseconds(100)
}

extension EndToEnd {
    /// Processes die, machines vanish, processes stand still: nothing that was promised is lost.
    @Suite(.serialized, .fleet { $0.leaseTTL = Timing.ttl; $0.shipInterval = Timing.shipInterval }) struct Crashes {
        private func drill(seed: UInt64) throws -> CrashDrill {
            CrashDrill(fleet: try TestFleet.ofThisSuite(), shipInterval: Timing.shipInterval, seed: seed)
        }

        @Test func workersAreKilledWhileClientsWrite() async throws {
            try await drill(seed: 20_26).run(CrashDrill.databases(prefix: "crash"), kills: 12)
        }

        /// Nobody is left who could say that the worker is dead: its session runs out, unless its supervisor comes back first.
        @Test func aMachineIsLost() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin(), drill = try drill(seed: 7)
            try await fleet.waitForAllNodes()
            let writers = try await CrashWriters.start(CrashDrill.databases(prefix: "lost"), on: fleet, seed: drill.seed)
            var deaths: [Death] = []
            do {
                try await writers.waitForWrites(10)
                let victim = try await admin.waitForLeader(of: "lost-bucket-1")
                let session = try await admin.node(victim)["session"]?.string
                let epoch = try await admin.database("lost-bucket-1")["epoch"]?.integer ?? 0
                let endedBySilence = try await fleet.sessionsEndedBySilence()
                let led = Set(try await admin.led(by: victim)), before = ContinuousClock.now
                let pid = try await fleet.lose(node: victim)
                deaths.append(Death(node: victim, led: led, before: before, after: .now))

                let successor = try await eventually("another session leads") {
                    let route = try await admin.call(.GET, "/v1/routes/lost-bucket-1")
                    return route["epoch"]?.integer ?? 0 > epoch ? route["session"]?.string : nil
                }
                #expect(successor != session)
                // Unless its supervisor was back before: with the lock of the data directory it knows that the worker is dead.
                if try await fleet.sessionsEndedBySilence() > endedBySilence {
                    // The last renewal may be a third of the TTL old when its sender dies; before the rest of it has passed
                    // nobody may take over. A margin for clocks that are read in different processes is left.
                    #expect(.now - before > Timing.ttl / 2)
                }
                try await writers.waitForWrites(5)
                try await fleet.waitForWorker(of: victim, otherThan: pid)
                try await eventually("\(victim) has a new session") {
                    let now = try await admin.node(victim)
                    return now["alive"]?.bool == true && now["session"]?.string != session ? () : nil
                }
                try await writers.waitForWrites(5)
            } catch {
                await writers.stop()
                throw error
            }
            await writers.stop()
            #expect(writers.ledger.failures == [])
            try await drill.judge(writers, deaths)
        }

        /// A leader that stands still past its TTL does not acknowledge anything when it goes on.
        @Test func aLeaderIsPausedPastItsTTL() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin(), drill = try drill(seed: 11)
            try await fleet.waitForAllNodes()
            let writers = try await CrashWriters.start(CrashDrill.databases(prefix: "paused"), on: fleet, seed: drill.seed)
            var deaths: [Death] = []
            do {
                try await writers.waitForWrites(10)
                let victim = try await admin.waitForLeader(of: "paused-local-1")
                let led = Set(try await admin.led(by: victim)).filter { $0.hasPrefix("paused-") }
                let url = try fleet.node(victim).url, token = try fleet.description().token
                let pid = try fleet.node(victim).pid
                // So that connections are there which it has accepted.
                for task in Self.flood(url, led, token, value: "warm") { #expect(try await task.value.status == 200) }
                let before = ContinuousClock.now
                try await fleet.pause(node: victim)
                deaths.append(Death(node: victim, led: Set(try await admin.led(by: victim)).union(led), before: before, after: .now))

                // Sent to the paused leader itself, for it alone: they arrive, and wait in its sockets.
                let direct = Self.flood(url, led, token, value: "direct")
                for name in led {
                    try await eventually("another node leads \(name)") {
                        let leader = try await admin.leader(of: name)
                        return leader != nil && leader != victim ? () : nil
                    }
                }
                // At once, before anything else but its own clock could tell it that it leads no more.
                fleet.resume(node: victim)
                for task in direct {
                    // Refused, or the connection ended with the process.
                    if let reply = try? await task.value {
                        #expect(reply.status != 200 || (try? reply.json())?["results"]?[0]?["type"]?.string == "error", "\(reply)")
                    }
                }
                try await fleet.waitForWorker(of: victim, otherThan: pid)
                try await writers.waitForWrites(5)
                for name in led {
                    let strays = try await fleet.client(name).rows("SELECT count(*) FROM writes WHERE value = 'direct'")
                    #expect(strays == [[.sqlInteger(0)]])
                }
            } catch {
                await writers.stop()
                throw error
            }
            await writers.stop()
            #expect(writers.ledger.failures == [])
            try await drill.judge(writers, deaths)
        }

        /// Many writes at the same time to one node, which a header keeps from passing them on.
        private static func flood(
            _ url: String, _ databases: Set<String>, _ token: String, value: String
        ) -> [Task<HTTPReply, any Error>] {
            let body: JSON = [
                "requests": [
                    // Kept apart from the ledger's writes by the number of the writer.
                    DataClient.execute("INSERT OR IGNORE INTO writes VALUES (-1, abs(random()), ?)", [.sqlText(value)]),
                    ["type": "close"],
                ],
            ]
            return databases.sorted().flatMap { database in
                (0..<15).map { _ in
                    Task {
                        try await HTTP.send(
                            .POST, "\(url)/db/\(database)/v2/pipeline",
                            headers: [("Authorization", "Bearer \(token)"), ("x-berth-hop", "1")], body: try body.encoded())
                    }
                }
            }
        }
    }

    /// The same on a real S3 protocol.
    @Suite(.serialized) struct CrashesOnS3 {
        @Test(.enabled(if: S3Program.isInstalled, "install moto: pip install 'moto[server]'"))
        func workersAreKilledWhileClientsWrite() async throws {
            let moto = try await MotoServer.start()
            var options = FleetOptions()
            options.leaseTTL = Timing.ttl
            options.shipInterval = Timing.shipInterval
            options.bucket = try await moto.url(bucket: "berth", prefix: "fleet")
            options.environment = MotoServer.environment
            let fleet = try await TestFleet.start(options)
            do {
                try await CrashDrill(fleet: fleet, shipInterval: Timing.shipInterval, seed: 3)
                    .run(CrashDrill.databases(prefix: "s3"), kills: 4)
                #expect(!FileManager.default.fileExists(atPath: "\(fleet.directory)/bucket"))
            } catch {
                await fleet.stop()
                await moto.stop()
                throw error
            }
            await fleet.stop()
            await moto.stop()
        }
    }
}
