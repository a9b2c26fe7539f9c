import ArgumentParser
import Chaos
import FleetModel
import Glibc

struct HostKillsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host-kills", abstract: "Kill engine hosts in a loop while clients insert, and count what was lost.",
        discussion: """
            Each kill hits one of the engine hosts of a node, those that are ready and without a database among them. Ends with 0 only if every row \
            that was acknowledged is there once, and no node's own process ended.
            """)

    @Option(help: "Hosts to kill.") var times = 100
    @Option(help: "Between two kills, in milliseconds.") var gapMs = 100
    @Option(help: "The same seed draws the same hosts, as far as the same ones are there.") var seed: UInt64 = 1
    @OptionGroup var options: HostTrialOptions

    func validate() throws {
        guard times >= 1, gapMs >= 0 else { throw ValidationError("--times takes a number from 1, --gap-ms one from 0.") }
    }

    func run() async throws {
        var nodesEnded = 0
        let start = ContinuousClock.now
        let outcome = try await HostTrial.run(options, named: "host-kills") { trial in
            let before = trial.workers
            var random = SplitMix(seed: seed)
            for _ in 0..<times {
                let host = try await eventually("an engine host runs", within: .seconds(30)) {
                    trial.workers.values.sorted().flatMap { trial.fleet.hosts(ofWorker: $0) }.randomElement(using: &random)
                }
                kill(host, SIGKILL)
                try await Task.sleep(for: .milliseconds(gapMs))
            }
            nodesEnded = before.count { trial.workers[$0.key] != $0.value }
        }
        Console.say(
            """
            \(times) hosts killed in \((ContinuousClock.now - start).components.seconds) s: \(outcome.acknowledged) inserts acknowledged, \(outcome.lost) lost, \
            \(outcome.wrong) there twice or sent by nobody, \(outcome.failed) requests failed; longest time between two acknowledgements of a writer \
            \(outcome.longestGap.millisecondsRoundedUp) ms; \(nodesEnded) node processes ended.
            """)
        guard outcome.isClean, nodesEnded == 0 else { throw ExitCode(1) }
    }
}
