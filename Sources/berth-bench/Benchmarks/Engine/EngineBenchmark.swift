import Engines
import FleetModel
import FleetStore

/// SQLite as a tenant has it, with everything that makes it safe, against SQLite alone.
struct EngineBenchmark: Benchmark {
    let name = "engine"
    let explanation = """
        SQLite behind a tenant, with leases, gates and shipping on, against SQLite's C API on a file of its own.

        Subject: a real node with the real shipper (a bundle every 250 ms), a private Postgres as lease store, a directory as
        bucket, durability local. Requests enter where a gateway hands them over, as the bytes of Hrana JSON, and are
        measured until their answers are there as bytes: parsing and writing JSON is part of the figure, HTTP is not.
        Baseline: one thread in the same process, the same rows in the same order, the same pragmas (WAL, synchronous
        NORMAL, a cache of 2 MiB, checkpoints at 4 MiB), statements prepared once, texts bound without a copy. It neither
        parses requests nor writes answers, and ships nothing. The subject may use the second core for what is not SQLite.

        The table has an integer key, a second index and about 120 bytes a row. What is compared:
          point read    a row by its key. Baseline: a statement in autocommit. Subject: 100 statements in a request, which
                        share one read transaction, 8 requests at a time; and, for information, one statement in a
                        request, 64 requests at a time.
          range read    100 rows from a key on. Subject: 10 statements in a request, 8 at a time.
          single INSERT a row in autocommit. Subject: one statement in a request, 64 at a time, committed in groups.
          UPDATE by key in the same way.
          batch INSERT  500 rows in a transaction. Subject: a Hrana batch of BEGIN, 500 INSERTs and COMMIT, each step
                        conditional on the one before, 8 at a time.

        All of it twice: with the engine on a thread of the node, and in a process of its own, which is what nodes have; and the
        second against the first. The processor's time of the second leaves its process out.

        Checked: every statement answered ok, every read answered the rows of the baseline, and a copy restored from the
        bucket alone, after the node has stopped, equals the baseline's table row by row.
        """

    func run(_ context: BenchmarkContext) async throws -> [Measurement] {
        try await Isolation.compare { isolation in try await run(context, isolation) }
    }

    private func run(_ context: BenchmarkContext, _ isolation: Isolation) async throws -> [Measurement] {
        var results: [Measurement] = []
        let workplace = try Workplace(in: context.workplace.path)
        defer { workplace.remove() }
        let baseline = try EntryBaseline(path: workplace.path + "/baseline.db")
        var record: DatabaseRecord?
        try await BenchFleet.with(workplace, engines: EngineSet([SQLiteEngine()]), isolation: isolation) { fleet in
            let database = try await fleet.create("bench", .sqlite)
            record = database
            let driver = DataDriver(node: fleet.node, database: database.name)
            let rounds = EntryRounds(fleet: fleet, driver: driver, baseline: baseline, context: context)
            try await rounds.prepare()
            results = try await rounds.run()
        } afterwards: { fleet in
            guard let record else { return }
            try TableComparison(of: EntryTable.everything).expectEqual(
                baseline.database, try RawSQLite(try await fleet.restore(record)))
        }
        return results
    }
}
