import ArgumentParser
import Chaos
import Foundation

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the history of an earlier run again.")

    @Argument(help: "Directory of the run.") var dir: String

    func run() throws {
        let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(fileURLWithPath: "\(dir)/report.json")))
        let history = History(try EventFile<HistoryEvent>.events(of: "\(dir)/history.jsonl"))
        let faults = try EventFile<FaultRecord>.events(of: "\(dir)/faults.jsonl")
        let verdict = Checker.check(history, faults: faults, rules: report.rules)
        for violation in verdict.violations { print(violation) }
        print("\(verdict.counts.requests) requests, \(verdict.violations.count) violations")
        if !verdict.isClean { throw ExitCode(1) }
    }
}
