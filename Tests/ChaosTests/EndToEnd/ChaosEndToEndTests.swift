import Foundation
import LocalFleet
import Testing

/// A short run of the real program against a real fleet with databases of both engines, and every fault there is.
@Suite(.serialized) struct ChaosEndToEndTests {
    private static let patience: Duration = .seconds(300)

    /// Beside the test bundle, unless the environment names it.
    private static func program(_ name: String, _ variable: String) -> String {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/\(name)"
        return ProcessInfo.processInfo.environment[variable] ?? beside
    }

    private struct Report: Decodable {
        struct Verdict: Decodable {
            struct Counts: Decodable {
                var acknowledgedWrites: Int
                var answeredReads: Int
                var lost: Int
                var takeovers: Int
            }
            var counts: Counts
        }
        var faults: [String: Int]
        var connections: [String: Int]
        var verdict: Verdict
    }

    @Test func aFleetSurvivesEveryFault() async throws {
        let directory = "/tmp/berth-chaos-test-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let output = "\(directory)/output", run = "\(directory)/run"
        // Its input ends with the test process, and so does it.
        let child = try await ChildProcess.start(
            [
                "/bin/sh", "-c", #"exec 3<&0; "$@" <&- 3<&- & p=$!; (read -r l <&3; kill $p) & w=$!; exec 3<&-; wait $p; c=$?; kill $w; exit $c"#,
                "chaos", Self.program("berth-chaos", "BERTH_CHAOS_BINARY"), "--minutes", "0.75", "--seed", "1", "--engine", "sqlite,duckdb", "--dir", run,
                "--berth", Self.program("berth", "BERTH_BINARY"),
            ], environment: ProcessInfo.processInfo.environment, output: output, hasLifeline: true)
        let impatience = Task {
            try await Task.sleep(for: Self.patience)
            child.signal(SIGKILL)
        }
        let code = await child.exitCode()
        impatience.cancel()
        let printed = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        try #require(code == 0, "exit code \(code), everything is kept in \(run):\n\(printed)")
        let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(fileURLWithPath: "\(run)/report.json")))
        #expect(report.verdict.counts.lost == 0)
        #expect(report.verdict.counts.acknowledgedWrites > 100 && report.verdict.counts.answeredReads > 50)
        #expect(report.verdict.counts.takeovers > 0)
        #expect(report.faults.count >= 15, "\(printed)")
        // Who connects to whom was recognised: or faults between parties would have hit nobody.
        for kind in [/node-\d>node-\d/, /node-\d>postgres/, /node-\d>bucket/, /gateway-\d>node-\d/, /clients>node-\d/] {
            #expect(report.connections.keys.contains { $0.wholeMatch(of: kind) != nil }, "\(report.connections)")
        }
        try FileManager.default.removeItem(atPath: directory)
    }
}
