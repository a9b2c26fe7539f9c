import Foundation
import Testing

/// Trials of engine hosts against a real fleet, small ones.
@Suite(.serialized) struct HostTrialTests {
    private func run(_ arguments: [String]) async throws -> String {
        let directory = FileManager.default.temporaryDirectory.path + "/berth-trial-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let (code, printed) = try await ChaosProgram.run(
            arguments + ["--nodes", "1", "--writers", "2", "--duckdb-writers", "1", "--dir", directory + "/fleet"], output: directory + "/output",
            within: .seconds(240))
        try #require(code == 0, "exit code \(code), everything is kept in \(directory):\n\(printed)")
        #expect(!FileManager.default.fileExists(atPath: directory + "/fleet"))
        try FileManager.default.removeItem(atPath: directory)
        return printed
    }

    @Test func killedHostsLoseNothing() async throws {
        let printed = try await run(["host-kills", "--times", "6"])
        let acknowledged = try #require(printed.firstMatch(of: /(\d+) inserts acknowledged, 0 lost/)?.1)
        #expect(printed.contains("6 hosts killed") && Int(acknowledged) ?? 0 > 20, "\(printed)")
    }

    @Test func strangersAreAnsweredAndTheOthersServed() async throws {
        let printed = try await run(["strangers", "--only", "VARIANT"])
        #expect(printed.contains(/JSON to VARIANT \| `(outcome_unknown|quarantined)`/) && printed.contains("0 node processes ended"), "\(printed)")
    }
}
