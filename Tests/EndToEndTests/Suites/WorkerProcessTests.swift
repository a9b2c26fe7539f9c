import BerthTestKit
import Foundation
import NIOHTTP1
import Testing

/// Sessions live so long that nobody's silence ends one while these tests run.
private let longTTL: Duration = .seconds(120)

extension EndToEnd {
    /// What a supervisor does about the process it keeps running.
    @Suite(.serialized, .fleet { $0.nodes = 2; $0.leaseTTL = longTTL }) struct WorkerProcesses {
        /// A process that crashes must not linger: until it is reaped nobody may take its databases over.
        @Test(arguments: [SIGSEGV, SIGABRT, SIGILL])
        func aCrashFailsOverAsAKillDoes(signal: Int32) async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin(), name = "crashed-\(signal)"
            try await fleet.waitForAllNodes()
            try await admin.createDatabase(name, durability: "bucket")
            try await fleet.client(name).execute("CREATE TABLE t (a)")
            let victim = try await admin.waitForLeader(of: name)
            let session = try #require(try await admin.node(victim)["session"]?.string)

            let pid = try await fleet.kill(node: victim, signal: signal)
            let reason = try await eventually("its session has ended") { try await fleet.endReason(of: session) }
            #expect(reason == "worker ended")
            // Nothing read symbols before it was gone.
            let log = fleet.log(of: victim)
            #expect(log.contains("code=\(128 + signal)"))
            #expect(!log.contains("Program crashed") && !log.contains("Backtrace took"))
            let other = try #require(try fleet.description().nodes.map(\.name).first { $0 != victim })
            try await fleet.client(name, through: other).execute("INSERT INTO t VALUES (1)")
            try await fleet.waitForWorker(of: victim, otherThan: pid)
            #expect(try await fleet.client(name, through: other).rows("SELECT a FROM t") == [[.sqlInteger(1)]])
        }

        /// A package upgrade replaces the program's file under the running supervisor, or removes it.
        @Test func aWorkerIsStartedAgainAfterTheProgramsFileWasReplaced() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let program = "\(fleet.directory)/berth-replaced", data = "\(fleet.directory)/replaced"
            try FileManager.default.copyItem(atPath: try BerthBinary.path(), toPath: program)
            let node = try await fleet.startRole(
                ["node", "run", "--name", "replaced", "--data", data, "--postgres", fleet.postgres, "--bucket", fleet.bucket,
                 "--lease-ttl-ms", String(longTTL.components.seconds * 1000)],
                name: "replaced", executable: program)
            do {
                var former = ""
                // Replaced by a program that cannot run at all, as `mv` and package managers do; then deleted.
                for replace in [
                    {
                        try Data("#!/bin/false\n".utf8).write(to: URL(fileURLWithPath: program + ".new"))
                        guard rename(program + ".new", program) == 0 else { throw POSIXError(.EIO) }
                    }, { try FileManager.default.removeItem(atPath: program) },
                ] as [() throws -> Void] {
                    let session = try await eventually("the node has a session") { () -> String? in
                        let session = try await admin.node("replaced")["session"]?.string
                        return session == former ? nil : session
                    }
                    try replace()
                    let pid = try #require(Int32(try String(contentsOfFile: data + "/worker.pid", encoding: .utf8).dropLast()))
                    Foundation.kill(pid, SIGKILL)
                    former = session
                }
                try await eventually("the node has another session") {
                    let session = try await admin.node("replaced")["session"]?.string
                    return session != nil && session != former ? () : nil
                }
                #expect(await node.stop() == 0)
            } catch {
                await node.stop()
                throw error
            }
        }

        /// Whoever runs the supervisor must see that its node cannot work.
        @Test func aWorkerThatNeverBeginsEndsItsSupervisor() async throws {
            let fleet = try TestFleet.ofThisSuite(), taken = try #require(try fleet.description().nodes.first).url
            let run = try await ProgramRun.of(
                [
                    try BerthBinary.path(), "node", "run", "--name", "unable", "--data", "\(fleet.directory)/unable",
                    "--listen", taken.replacing("http://", with: ""), "--postgres", fleet.postgres, "--bucket", fleet.bucket,
                    "--lease-ttl-ms", String(longTTL.components.seconds * 1000),
                ], environment: ["BERTH_WORKER_START_ATTEMPTS": "2"])
            #expect(run.exitCode != 0)
            #expect(run.standardError.contains("(worker_not_started)") && run.standardError.contains("2 times in a row"), "\(run)")
            #expect(run.standardError.ranges(of: "worker started").count == 2, "\(run)")
            #expect(try await fleet.admin().send(.GET, "/v1/nodes/unable").status == 404)
        }
    }
}
