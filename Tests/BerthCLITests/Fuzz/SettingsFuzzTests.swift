import ArgumentParser
import BerthTestKit
import FleetModel
import Foundation
import Leases
import Testing

@testable import berth

@Suite struct SettingsFuzzTests {
    @Test(arguments: SettingsFuzz.all) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }

    private func settings(_ json: [UInt8]) async throws -> RoleSettings {
        let path = NSTemporaryDirectory() + "berth-settings-\(UUID().uuidString).json"
        try Data(json).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await RoleSettings(try RoleOptions.parse(["--config", path]))
    }

    /// Any file is refused with its name, or gives settings each of which is refused or possible.
    @Test func aFileOfAnyBytes() async throws {
        let seed = Array(#"{"listen":"127.0.0.1:1","lease-ttl-ms":5000,"bundle-bytes":"65536","log-format":"json","name":"n"}"#.utf8)
        let mutator = Mutator(words: ["{", "}", "[1]", "1.5", "null", "true", "\"", ":", ",", "\"log-level\":\"info\","].map { Array($0.utf8) })
        var generator = SeededGenerator(seed: 3)
        var read = 0
        for round in 0..<max(50, FuzzTarget.standardRounds / 20) {
            let json = mutator.mutated([seed], using: &generator)
            do {
                let settings = try await settings(json)
                read += 1
                let ttl = try settings.ownLeaseTTL()
                _ = try settings.worker()
                _ = try settings.manager(ttl.map { LeaseTiming(ttl: $0) } ?? LeaseTiming())
                _ = try settings.logOutput()
                _ = try settings.listenAddress(default: "127.0.0.1:0")
            } catch let error as BerthError {
                #expect(error.code == .configurationInvalid, "round \(round)")
            }
        }
        #expect(read > 0)
    }

    /// What is not understood is said, never left out: the default in its place would be a surprise.
    @Test(arguments: ["1.5", "true", "[5000]", "{}", #""5000.0""#, #""""#])
    func aSettingOfTheWrongKindIsRefused(_ value: String) async throws {
        let error = await #expect(throws: BerthError.self) {
            try await settings(Array(#"{"lease-ttl-ms":\#(value)}"#.utf8)).ownLeaseTTL()
        }
        #expect(error?.code == .configurationInvalid)
    }
}
