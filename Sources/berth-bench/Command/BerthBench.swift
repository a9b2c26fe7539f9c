import ArgumentParser
import Foundation

/// Runs one benchmark of the system against its baseline and prints what came of it.
@main
struct BerthBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-bench",
        abstract: "Measures Berth against a baseline that runs in the same process at the same time.",
        discussion: """
            An absolute figure moves with the machine, so every figure stands beside that of a baseline: both run in turns, \
            several rounds, and what is printed is the median of the rounds; the ratio is the median of the rounds' ratios.

            Exit code 0: everything that was measured was also right, whether or not a target was reached. Not 0: work was \
            lost, skipped or wrong, and no figure is worth anything. `berth-bench --list` says what each benchmark compares; \
            a benchmark needs the packages of `ops/install`, and nothing that is already running.
            """)

    @Argument(help: "The benchmark; see --list.") var name: String?
    @Flag(help: "Name the benchmarks and say what each compares.") var list = false
    @Option(help: "Multiplies the amount of work; 1 ends within two minutes on two cores.") var scale = 1.0
    @Option(help: "Rounds; the median counts.") var rounds = 5
    @Option(help: "Leave out metrics whose names do not contain this.") var only: String?
    @Option(help: "Where files are kept while it runs; a new directory there is removed at the end.")
    var directory = NSTemporaryDirectory()
    @Flag(help: "Print the results as JSON after the table.") var json = false

    mutating func validate() throws {
        guard scale > 0, scale <= 10_000 else { throw ValidationError("--scale is more than 0 and at most 10000.") }
        guard (1...1_000).contains(rounds) else { throw ValidationError("--rounds is from 1 to 1000.") }
        guard directory.hasPrefix("/") else { throw ValidationError("--directory is an absolute path.") }
        guard list || name != nil else { throw ValidationError("Name a benchmark, or use --list.") }
    }

    func run() async throws {
        if list { return print(Benchmarks.description, terminator: "") }
        guard let benchmark = Benchmarks.all.first(where: { $0.name == name }) else {
            throw ValidationError("There is no benchmark “\(name ?? "")”. berth-bench --list names them.")
        }
        let workplace = try Workplace(in: directory)
        defer { workplace.remove() }
        let context = BenchmarkContext(scale: scale, rounds: rounds, workplace: workplace, only: only)
        let report = BenchmarkReport(name: benchmark.name, results: try await benchmark.run(context))
        print(report.table, terminator: "")
        if json { print(try report.json) }
    }
}
