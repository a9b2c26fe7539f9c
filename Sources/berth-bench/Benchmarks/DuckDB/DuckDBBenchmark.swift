import EngineHost
import Engines
import FleetModel
import FleetStore
import WorkerNode

/// DuckDB as a tenant has it against DuckDB alone, and what an update costs in shipped bytes.
struct DuckDBBenchmark: Benchmark {
    let name = "duckdb"
    let explanation = """
        DuckDB behind a tenant, with leases, gates and shipping on, against DuckDB's C API on a file of its own.

        Subject: a node as in `engine`. Baseline: the same library on one thread, the same settings (one thread, 256 MiB,
        checkpoints at 4 MiB), statements prepared once. The table has 400,000 rows of about 130 bytes times --scale;
        --scale 20 makes about 1 GB of it.

          analytic query   aggregates over the whole table in 40 groups, one after the other.
          append           transactions of 20 INSERTs of 100 rows each, with parameters. Subject: Hrana batches, 2 at a time.
          update shipped   bytes in the bucket after 1 % of the rows, next to each other, were updated: with everything that is
                           shipped until the file itself, checkpointed, is there. Baseline of the first line: the blocks of
                           256 KiB that differ between copies restored from before and after; of the second: the whole file.

        Speed is measured twice: with the engine on a thread of the node, and in a process of its own, which is what nodes have; and
        the second against the first.

        Checked: answers and acknowledged rows are those of the baseline, and a copy restored from the bucket alone, after
        the node has stopped, has the baseline's rows.
        """

    func run(_ context: BenchmarkContext) async throws -> [Measurement] {
        var results: [Measurement] = []
        if context.includes("analytic query") || context.includes("append") {
            results += try await Isolation.compare { isolation in
                try await run(context, WorkerSettings(), isolation) { try await $0.compareSpeed() }
            }
        }
        if context.includes("update shipped") {
            // One per cent of a small table is to be checkpointed as well.
            var settings = WorkerSettings()
            settings.tenants.checkpointBytes = 64 << 10
            results += try await run(context, settings, .thread) { try await $0.update() }
        }
        return results
    }

    /// Runs `body` on a table of a new fleet and compares what is left in its bucket.
    private func run(
        _ context: BenchmarkContext, _ settings: WorkerSettings, _ isolation: Isolation, _ body: (EventRounds) async throws -> [Measurement]
    ) async throws -> [Measurement] {
        let library = try DuckDBLibrary.load()
        let workplace = try Workplace(in: context.workplace.path)
        defer { workplace.remove() }
        let baseline = try RawDuckDB(workplace.path + "/baseline.duckdb", library: library.path)
        var results: [Measurement] = []
        var record: DatabaseRecord?
        try await BenchFleet.with(workplace, engines: EngineSet([DuckDBEngine(library: library)]), isolation: isolation, settings: settings) { fleet in
            let database = try await fleet.create("bench", .duckdb)
            record = database
            let rounds = EventRounds(
                fleet: fleet, driver: DataDriver(node: fleet.node, database: database.name), baseline: baseline,
                record: database, context: context)
            try await rounds.prepare()
            results = try await body(rounds)
        } afterwards: { fleet in
            guard let record else { return }
            let restored = try RawDuckDB(try await fleet.restore(record), library: library.path)
            guard try restored.texts(EventTable.content) == baseline.texts(EventTable.content) else {
                throw WorkLost("the restored table has other rows than the baseline's")
            }
        }
        return results
    }
}
