import Engines

/// Whether what handles n things costs four times as much for 4 n of them.
struct ScalingBenchmark: Benchmark {
    let name = "scaling"
    let explanation = """
        Every path that handles n bytes, rows, statements or pages: processor time of the whole process at n and at 4 n.

        Value: milliseconds at 4 n. Baseline: the same at n, in the same round, on files of its own. A path that grows with its
        work has a ratio of about 4, one that grows with its square has 16; more than 6 is missed. Less than 4 is a part that
        does not grow.

          hrana …        bodies parsed and answers written, without a database; rows of CSV and NDJSON read.
          changeset …    .hadbp bytes made of pages and read back.
          sqlite, duckdb …  one connection of each engine: texts, arguments, columns, scripts, loads, results and cursors; capture,
                         also of many small commits, checkpoint, restore and opening.
          node …         a real node with leases, gates and shipping, as in the benchmark `engine`: requests in groups,
                         transactions, cursors and loads where a gateway hands them over.

        Checked: everything that was asked for was done, so many rows are there, and what was captured opens with all of them.
        """

    /// Of an exact square 16, of n log n at these sizes 4.5.
    static let limit = 6.0

    func run(_ context: BenchmarkContext) async throws -> [Measurement] {
        var results: [Measurement] = []
        var number = 0
        for path in ScalingPath.all where context.includes(path.name) {
            let size = context.scaled(path.size)
            var outcome = Contest.Outcome()
            for _ in 0..<context.rounds {
                for (size, turns) in Contest.Outcome.sizes(from: size) {
                    number += 1
                    let time = try await path.run(ScalingRun(size: size, folder: "\(context.workplace.path)/scaling-\(number)", workplace: context.workplace))
                    outcome[keyPath: turns].append(Turn(rate: time.inSeconds * 1e3, processorTime: 0))
                }
            }
            results.append(
                outcome.measurement("\(path.name), \(ReportNumber.short(Double(4 * size)))", unit: "ms", target: .ratio(atMost: Self.limit)))
        }
        if context.includes("node") { results += try await NodeScaling(context: context).run() }
        return results
    }
}

extension Contest.Outcome {
    /// n and 4 n, and whose turns are timed with them.
    static func sizes(from size: Int) -> [(Int, WritableKeyPath<Self, [Turn]>)] { [(size, \.baseline), (4 * size, \.subject)] }
}

/// One path, measured at any size.
struct ScalingPath: Sendable {
    let name: String
    /// n.
    let size: Int
    /// - Returns: the processor time of the part that is measured.
    /// - Throws: `WorkLost`.
    let run: @Sendable (ScalingRun) async throws -> Duration

    static var all: [ScalingPath] {
        MessageScaling.paths + EngineScaling("sqlite") { SQLiteEngine() }.paths
            + EngineScaling("duckdb") { DuckDBEngine(library: try DuckDBLibrary.load()) }.paths
    }
}

/// What one run of a path is given.
struct ScalingRun: Sendable {
    let size: Int
    /// A name for a folder that is not there yet.
    let folder: String
    let workplace: Workplace

    /// The processor time that `body` takes.
    static func timed(_ body: () throws -> Void) rethrows -> Duration {
        let start = ProcessorTime.now
        try body()
        return ProcessorTime.now - start
    }

    /// - Throws: `WorkLost` unless both are equal.
    static func expect<Value: Equatable>(_ what: String, _ value: Value, _ wanted: Value) throws {
        guard value == wanted else { throw WorkLost("\(what): \(value) instead of \(wanted)") }
    }
}
