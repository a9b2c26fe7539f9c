import BerthTestKit
import NIOHTTP1
import Testing

/// Kills workers one after the other while clients write, then compares what was promised with what is there.
struct CrashDrill: Sendable {
    let fleet: TestFleet
    let shipInterval: Duration
    let seed: UInt64

    /// What was acknowledged may be lost for as long as it takes to ship it: the wait for the next bundle, and that
    /// bundle's own time from cutting to publishing, for which a second is plenty on a machine that does nothing else.
    var tolerableLoss: Duration { shipInterval + .seconds(1) }

    /// A `local` and a `bucket` database of both kinds of clients, and one of another engine beside them.
    static func databases(prefix: String) -> [CrashWriters.Database] {
        ["local", "bucket"].flatMap { durability in
            [
                .init(name: "\(prefix)-\(durability)-1", durability: durability),
                .init(name: "\(prefix)-\(durability)-2", durability: durability),
                .init(name: "\(prefix)-\(durability)-once", durability: durability, retry: .neverInDoubt),
                .init(name: "\(prefix)-duckdb-\(durability)", engine: "duckdb", durability: durability),
            ]
        }
    }

    /// - Parameter kills: workers killed in all, each once every database was written to since the one before.
    func run(_ databases: [CrashWriters.Database], kills: Int) async throws {
        let admin = try fleet.admin()
        let nodes = try fleet.description().nodes.map(\.name)
        let writers = try await CrashWriters.start(databases, on: fleet, seed: seed)
        let endedBySilence = try await fleet.sessionsEndedBySilence()
        var generator = SeededGenerator(seed: seed)
        var deaths: [Death] = []
        var recoveries: [Duration] = []
        do {
            for _ in 0..<kills {
                try await writers.waitForWrites(Int.random(in: 1...15, using: &generator))
                let victim = try await victim(among: nodes, admin, &generator)
                let led = Set(try await admin.led(by: victim))
                let before = ContinuousClock.now
                try await fleet.kill(node: victim)
                deaths.append(Death(node: victim, led: led, before: before, after: .now))
                try await writers.waitForWrites(1)
                recoveries.append(.now - before)
            }
            try await writers.waitForWrites(5)
        } catch {
            await writers.stop()
            throw error
        }
        await writers.stop()
        #expect(writers.ledger.failures == [])
        // Supervisors ended the sessions of their dead workers: nobody had to wait for a TTL. (A starved machine may make
        // a living one fall silent now and then.)
        #expect(try await fleet.sessionsEndedBySilence() - endedBySilence < Double(kills) / 2)
        try await everyNodeTakesDatabases(admin, nodes)
        try await judge(writers, deaths)
        print("\(kills) kills; every database was written to again after at most \(recoveries.max() ?? .zero)")
    }

    /// Compares, through every node.
    func judge(_ writers: CrashWriters, _ deaths: [Death]) async throws {
        try await fleet.waitForAllNodes()
        for database in writers.databases {
            var verdict = Verdict()
            var contents: Set<Set<WriteLedger.Write>> = []
            for node in try fleet.description().nodes {
                let rows = try await writers.rows(of: database, through: node.url)
                contents.insert(Set(rows))
                if contents.count == 1 {
                    verdict = Verdict()
                    verdict.judge(
                        database, rows: rows, ledger: writers.ledger, deaths: deaths, tolerableLoss: tolerableLoss)
                }
            }
            let count = writers.ledger.acknowledged(of: database.name).count
            #expect(contents.count == 1, "\(database.name) reads differently through different nodes")
            #expect(verdict.problems == [])
            #expect(count > 0)
            if verdict.lost > 0 {
                print("\(database.name): \(verdict.lost) of \(count) lost, acknowledged at most \(verdict.oldestLoss) before a death")
            }
        }
    }

    /// A node with a worker to kill; one that leads something most of the time.
    private func victim(
        among nodes: [String], _ admin: AdminClient, _ generator: inout SeededGenerator
    ) async throws -> String {
        for node in nodes.shuffled(using: &generator) {
            if try await !admin.led(by: node).isEmpty { return node }
        }
        return nodes[0]
    }

    /// What was killed came back, and takes databases again.
    private func everyNodeTakesDatabases(_ admin: AdminClient, _ nodes: [String]) async throws {
        try await fleet.waitForAllNodes()
        for node in nodes {
            let name = "back-on-\(node)-\(seed)"
            try await admin.createDatabase(name)
            let operation = try await admin.begin("/v1/databases/\(name)/move", ["to": .string(node)])
            #expect(try await admin.finished(operation)["state"]?.string == "succeeded")
            #expect(try await admin.leader(of: name) == node)
            try await fleet.client(name, through: node).execute("CREATE TABLE t (a)")
        }
    }
}

extension TestFleet {
    /// Sessions the manager ended because they were not renewed for a TTL.
    func sessionsEndedBySilence() async throws -> Double {
        let page = try await HTTP.send(.GET, try description().manager + "/metrics")
        return try PrometheusText(page.text).total("berth_sessions_ended_total") ?? 0
    }
}
