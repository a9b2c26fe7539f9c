/// Every benchmark there is. A new one is a file of its own and a line here.
enum Benchmarks {
    static let all: [any Benchmark] = [
        EngineBenchmark(), DuckDBBenchmark(), ServeBenchmark(), FairBenchmark(), IdleBenchmark(), ShipBenchmark(), ScalingBenchmark(),
    ]

    /// What `--list` prints.
    static var description: String {
        all.map { benchmark in
            let lines = benchmark.explanation.split(separator: "\n", omittingEmptySubsequences: false)
            return "\(benchmark.name)\n" + lines.map { $0.isEmpty ? "" : "    \($0)" }.joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }
}
