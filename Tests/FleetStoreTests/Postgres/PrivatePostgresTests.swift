import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import Glibc
import LocalFleet
import Testing

@Suite(.timeLimit(.minutes(2)))
struct PrivatePostgresTests {
    @Test func dataSurvivesStopAndKill() async throws {
        try await DisposablePostgres.run { server in
            let connection = try connect(server.conninfo())
            try await connection.script("CREATE TABLE t (n int8); INSERT INTO t VALUES (1)")
            await server.stop()
            #expect(await server.pid == nil)
            try await server.start()
            #expect(try await connection.query("SELECT n FROM t")[0].int64(0) == 1)
            await server.kill()
            // A stale postmaster.pid that names a live process of somebody else, as after a restart of a container.
            let lock = server.configuration.dataDirectory + "/postmaster.pid"
            let lines = try String(contentsOfFile: lock, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            try "\(getppid())\n\(lines.dropFirst().joined(separator: "\n"))".write(toFile: lock, atomically: true, encoding: .utf8)
            try await server.start()
            #expect(try await connection.query("SELECT count(*) FROM t")[0].int(0) == 1)
        }
    }

    @Test func listensOnItsSocketOnlyAndNotAsRoot() async throws {
        try await DisposablePostgres.run { server in
            let connection = try connect(server.conninfo())
            #expect(try await connection.query("SHOW listen_addresses")[0].string(0) == "")
            let pid = try #require(await server.pid)
            let owner = try FileManager.default.attributesOfItem(atPath: "/proc/\(pid)")[.ownerAccountID] as? NSNumber
            #expect(try #require(owner).uint32Value != 0)
            for directory in [server.configuration.dataDirectory, server.configuration.socketDirectory] {
                let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? NSNumber
                #expect(try #require(mode).intValue == 0o700)
            }
        }
    }

    @Test func twoServersNeverShareADirectory() async throws {
        try await DisposablePostgres.run { server in
            var configuration = server.configuration
            configuration.patience = .milliseconds(200)
            let second = PrivatePostgres(configuration, logger: .silent)
            let error = await #expect(throws: BerthError.self) { try await second.start() }
            #expect(error?.code == .storeUnavailable)
            let connection = try connect(server.conninfo())
            #expect(try await connection.query("SELECT 1")[0].int(0) == 1)
        }
    }

    @Test func badSettingsAndPathsAreExplained() async throws {
        try await DisposablePostgres.run { server in
            await server.stop()
            var configuration = server.configuration
            configuration.settings = ["shared_buffers": "nonsense"]
            let misconfigured = PrivatePostgres(configuration, logger: .silent)
            let error = await #expect(throws: BerthError.self) { try await misconfigured.start() }
            #expect(error?.message.contains("shared_buffers") == true)

            configuration.socketDirectory = "/tmp/" + String(repeating: "x", count: 100)
            let unreachable = PrivatePostgres(configuration, logger: .silent)
            let refusal = await #expect(throws: BerthError.self) { try await unreachable.start() }
            #expect(refusal?.code == .configurationInvalid)
        }
    }

    @Test func aDirectoryWithSomethingElseIsLeftAlone() async throws {
        let directory = "/tmp/berth-other-\(UUID())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try "precious".write(toFile: directory + "/file", atomically: true, encoding: .utf8)
        let server = PrivatePostgres(
            .init(dataDirectory: directory, socketDirectory: directory + ".socket"), logger: .silent)
        defer { try? FileManager.default.removeItem(atPath: directory + ".socket") }
        let error = await #expect(throws: BerthError.self) { try await server.start() }
        #expect(error?.code == .configurationInvalid)
        #expect(try String(contentsOfFile: directory + "/file", encoding: .utf8) == "precious")
    }
}
