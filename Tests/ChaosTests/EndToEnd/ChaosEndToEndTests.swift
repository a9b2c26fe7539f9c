import Foundation
import LocalFleet
import Testing

/// A short run of the real program against a real fleet with databases of both engines, and every fault there is.
@Suite(.serialized) struct ChaosEndToEndTests {
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
        let (code, printed) = try await ChaosProgram.run(
            ["--minutes", "0.75", "--seed", "1", "--engine", "sqlite,duckdb", "--dir", run], output: output, within: .seconds(300))
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
