import BerthTestKit
import Synchronization

/// Clients that never try again: each writes, reads its own writes back, and remembers every answer it did not like.
final class SteadyTraffic: Sendable {
    struct Outcome: Sendable {
        /// Writes acknowledged, by database.
        var written: [String: Int] = [:]
        var failures: [String] = []
        var longest: Duration = .zero
    }

    private let databases: [String]
    private let outcome = Mutex(Outcome())
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Pause of a client between two rounds: traffic, not a load test.
    private static let pace: Duration = .milliseconds(5)

    private init(_ databases: [String]) { self.databases = databases }

    /// Makes a table in each database and begins to use it, one client per database, each request through another node.
    static func start(on databases: [String], of fleet: TestFleet) async throws -> SteadyTraffic {
        let nodes = try fleet.description().nodes.map(\.name)
        let traffic = SteadyTraffic(databases)
        var clients: [(String, [DataClient])] = []
        for database in databases {
            try await fleet.client(database).execute("CREATE TABLE traffic (number INTEGER PRIMARY KEY)")
            clients.append((database, try nodes.map { try fleet.client(database, through: $0) }))
        }
        let all = clients
        traffic.task.withLock {
            $0 = Task {
                await withTaskGroup(of: Void.self) { group in
                    for (database, clients) in all { group.addTask { await traffic.use(database, clients) } }
                }
            }
        }
        return traffic
    }

    /// Waits until every database was written to `count` times more than now.
    func waitForWrites(_ count: Int) async throws {
        let before = outcome.withLock { $0.written }
        try await eventually("every database is written to \(count) times", within: .seconds(60)) {
            let now = outcome.withLock { $0.written }
            return databases.allSatisfy { now[$0, default: 0] >= before[$0, default: 0] + count } ? () : nil
        }
    }

    /// Lets every client finish its round, and tells what happened.
    func stop() async -> Outcome {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
        return outcome.withLock { $0 }
    }

    private func use(_ database: String, _ clients: [DataClient]) async {
        var number = 0
        while !Task.isCancelled {
            // Not cancelled in the middle: every request gets its answer.
            let round = Task { [number] in await self.round(database, clients, number) }
            if await round.value { number += 1 } else { return }
            try? await Task.sleep(for: Self.pace)
        }
    }

    /// - Returns: whether to go on; after a failure the numbers would not add up any more.
    private func round(_ database: String, _ clients: [DataClient], _ number: Int) async -> Bool {
        let started = ContinuousClock.now
        do {
            try await clients[number % clients.count].execute("INSERT INTO traffic VALUES (?)", [.sqlInteger(Int64(number))])
            outcome.withLock { $0.written[database, default: 0] += 1 }
            let count = try await clients[(number + 1) % clients.count].rows("SELECT count(*) FROM traffic")[0][0].cell
            guard count == String(number + 1) else {
                throw TookTooLong(description: "\(count ?? "nothing") of \(number + 1) writes are there")
            }
        } catch {
            outcome.withLock { $0.failures.append("\(database), write \(number): \(error)") }
            return false
        }
        let took = ContinuousClock.now - started
        outcome.withLock { $0.longest = max($0.longest, took) }
        return true
    }
}
