import Foundation

/// One row of the table of benchmarks: something of the system, measured against a baseline in the same run.
protocol Benchmark: Sendable {
    /// What it is called on the command line.
    var name: String { get }
    /// What exactly is compared with what; lines of prose for `--list`.
    var explanation: String { get }

    /// - Throws: `WorkLost` when something was lost, skipped or wrong; otherwise why it could not be run.
    func run(_ context: BenchmarkContext) async throws -> [Measurement]
}

/// What every benchmark is given.
struct BenchmarkContext: Sendable {
    /// Multiplies the amount of work.
    let scale: Double
    let rounds: Int
    let workplace: Workplace
    /// Leaves out metrics whose names do not contain this.
    let only: String?

    func includes(_ metric: String) -> Bool { only.map { metric.localizedStandardContains($0) } ?? true }

    /// A number of operations at this scale, at least `minimum`.
    func scaled(_ count: Int, minimum: Int = 1) -> Int { max(minimum, Int((Double(count) * scale).rounded())) }
}

/// Something that was asked for was not done, or done wrongly: the benchmark fails.
struct WorkLost: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = "work was lost or wrong: \(description)" }
}
