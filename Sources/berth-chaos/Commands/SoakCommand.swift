import ArgumentParser
import Chaos
import UnixSignals

struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Run a fleet, break it, heal it, check it.",
        discussion: """
            Writes history.jsonl, faults.jsonl, report.json and the logs of all processes into the directory. Ends with 0 \
            only if every promise was kept. Ctrl-C ends everything at once.
            """)

    @OptionGroup var options: SoakOptions

    func run() async throws {
        let soak = Soak(options: options, program: try options.program())
        let wasInterrupted = AtomicFlag()
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let work = Task { try await soak.run() }
        let listening = Task {
            for await _ in signals {
                wasInterrupted.set()
                work.cancel()
            }
        }
        defer { listening.cancel() }
        let report: Report
        do { report = try await work.value } catch {
            if wasInterrupted.isSet { throw ExitCode(130) }
            throw error
        }
        Console.say(report.table)
        guard !report.verdict.isClean else { return }
        Console.say("\nViolations:")
        for violation in report.verdict.violations { Console.say("  \(violation)") }
        Console.say("\nSeed \(options.seed). Everything is kept in \(options.directory). The same faults again:\n  \(report.command)")
        throw ExitCode(1)
    }
}
