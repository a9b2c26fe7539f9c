import BerthTestKit
import NIOCore
import Synchronization

/// Clients that expect servers to die.
///
/// Those of `repeatable` databases send a write again, with the same number, until it is acknowledged. Those of
/// `once` databases, whose table has no key, send it again only after an answer that promises that nothing was executed.
final class CrashWriters: Sendable {
    struct Database: Sendable {
        enum Retry: Sendable { case untilAcknowledged, neverInDoubt }

        var name: String
        var engine = "sqlite"
        var durability: String
        var retry: Retry = .untilAcknowledged
    }

    let databases: [Database]
    let ledger = WriteLedger()
    private let urls: [String]
    private let token: String
    private let writersPerDatabase: Int
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Pause of a writer between two writes: enough for many per ship interval, without taking the machine from the fleet.
    private static let pace: Duration = .milliseconds(10)
    /// A server that says nothing for this long is given up, and another one asked.
    private static let timeout: TimeAmount = .seconds(4)
    /// No single write may take longer, whatever dies meanwhile.
    private static let patience: Duration = .seconds(60)
    /// Answers that promise that nothing was executed.
    private static let harmless: Set<String> = [
        "not_leader", "leader_unavailable", "too_many_requests", "database_busy", "node_busy", "shutting_down", "ship_lag_exceeded", "store_unavailable",
        "SHIP_LAG_EXCEEDED", "TRANSACTION_BUSY",
    ]

    private init(_ databases: [Database], _ fleet: FleetDescription, writersPerDatabase: Int) {
        self.databases = databases
        self.urls = fleet.nodes.map(\.url)
        self.token = fleet.token
        self.writersPerDatabase = writersPerDatabase
    }

    /// Creates the databases with their tables and begins to write.
    static func start(
        _ databases: [Database], on fleet: TestFleet, writersPerDatabase: Int = 2, seed: UInt64
    ) async throws -> CrashWriters {
        let admin = try fleet.admin()
        for database in databases {
            try await admin.createDatabase(database.name, engine: database.engine, durability: database.durability)
            let key = database.retry == .untilAcknowledged ? ", PRIMARY KEY (writer, number)" : ""
            try await fleet.client(database.name).execute("CREATE TABLE writes (writer INTEGER, number INTEGER, value TEXT\(key))")
        }
        // A table is a write like any other: what comes after may rest on it only once it is in the bucket.
        for database in databases {
            try await eventually("the table of \(database.name) is published") {
                try await admin.database(database.name)["head"]?["seq"]?.integer ?? 0 > 0 ? () : nil
            }
        }
        let writers = CrashWriters(databases, try fleet.description(), writersPerDatabase: writersPerDatabase)
        writers.task.withLock { $0 = Task { await writers.run(seed) } }
        return writers
    }

    /// Waits until every database has acknowledged `count` writes more than now.
    func waitForWrites(_ count: Int, within patience: Duration = .seconds(60)) async throws {
        let before = ledger.counts
        try await eventually("every database has acknowledged \(count) more writes", within: patience) {
            let now = ledger.counts
            return databases.allSatisfy { now[$0.name, default: 0] >= before[$0.name, default: 0] + count } ? () : nil
        }
    }

    /// Lets every writer finish the write it is at.
    func stop() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    /// Every row of these writers in a database's table, as read through a node.
    func rows(of database: Database, through url: String) async throws -> [WriteLedger.Write] {
        try await DataClient(url: url, database: database.name, token: token)
            .rows("SELECT writer, number, value FROM writes WHERE writer >= 0").map { row in
                WriteLedger.Write(
                    writer: Int(row[0].cell ?? "") ?? -1, number: Int(row[1].cell ?? "") ?? -1, value: row[2].cell ?? "")
            }
    }

    private func run(_ seed: UInt64) async {
        await withTaskGroup(of: Void.self) { group in
            var seeds = SeededGenerator(seed: seed)
            for database in databases {
                for writer in 0..<writersPerDatabase {
                    let generator = SeededGenerator(seed: seeds.next())
                    group.addTask { await self.write(database, writer, generator) }
                }
            }
        }
    }

    private func write(_ database: Database, _ writer: Int, _ seeded: SeededGenerator) async {
        var generator = seeded
        var number = 0
        while !Task.isCancelled {
            let write = WriteLedger.Write(
                writer: writer, number: number, value: String(generator.next(), radix: 36))
            let choices = generator
            // Not cancelled in the middle: every write gets its answer.
            await Task { await self.carryOut(write, database, choices) }.value
            number += 1
            try? await Task.sleep(for: Self.pace)
        }
    }

    private func carryOut(_ write: WriteLedger.Write, _ database: Database, _ choices: SeededGenerator) async {
        var choices = choices
        let deadline = ContinuousClock.now + Self.patience
        let conflict = database.retry == .untilAcknowledged ? " ON CONFLICT DO NOTHING" : ""
        while true {
            let url = urls.randomElement(using: &choices) ?? urls[0]
            let sent = ContinuousClock.now
            do {
                try await DataClient(url: url, database: database.name, token: token).execute(
                    "INSERT INTO writes VALUES (?, ?, ?)" + conflict,
                    [.sqlInteger(Int64(write.writer)), .sqlInteger(Int64(write.number)), .sqlText(write.value)],
                    timeout: Self.timeout)
                ledger.acknowledge(write, of: database.name, sent: sent)
                return
            } catch {
                let code = (error as? DataClient.Refused)?.code
                if database.retry == .neverInDoubt, code.map({ !Self.harmless.contains($0) }) ?? true {
                    ledger.doubt(write, of: database.name)
                    return
                }
                guard ContinuousClock.now < deadline else {
                    ledger.fail("\(database.name), \(write): not acknowledged within \(Self.patience), last: \(error)")
                    return
                }
                // A dead node refuses at once; its place is taken a moment later.
                try? await Task.sleep(for: Self.pace)
            }
        }
    }
}
