import Chaos

/// The databases of a run.
enum Databases {
    private static let accounts = 8
    private static let balance: Int64 = 1_000

    /// As many as asked for: the durabilities in turn, and with each round of them the next engine.
    static func plan(_ count: Int, engines: [String], durabilities: [String]) -> [TestedDatabase] {
        (0..<count).map { index in
            let durability = durabilities[index % durabilities.count]
            let engine = engines[index / durabilities.count % engines.count]
            return TestedDatabase(
                name: "\(engine)-\(durability)-\(index + 1)", engine: engine, durability: durability, accounts: accounts,
                balance: balance)
        }
    }

    /// Makes them with their tables, while nothing is broken yet.
    static func make(_ databases: [TestedDatabase], on fleet: ChaosFleet, _ recorder: Recorder) async throws {
        for database in databases {
            try await AdminClient(fleet: fleet).create(database)
            let client = DataClient(
                http: fleet.http, url: fleet.addresses.url(fleet.entries[0]), database: database.name, token: fleet.token,
                timeout: .seconds(20))
            let tables = HranaRequest.transaction(begin: Dialect(of: database).begin, Dialect.tables(accounts: accounts, balance: balance))
            let reply = try await client.pipeline([tables, .close])
            let result = try reply.result(0)
            if let error = result.stepErrors?.compactMap({ $0 }).first {
                throw ChaosError("The tables of \(database.name) were not made: \(error.message)")
            }
            recorder.record(.database(database))
        }
        try await waitUntilPublished(databases, fleet)
    }

    /// A table is a write like any other: a `local` one rests on it only once it is in the bucket.
    private static func waitUntilPublished(_ databases: [TestedDatabase], _ fleet: ChaosFleet) async throws {
        let store = try FleetStoreReader(fleet)
        try await eventually("every table is published", within: .seconds(30)) {
            try await store.unpublishedDatabases() == 0 ? true : nil
        }
        await store.close()
    }
}
