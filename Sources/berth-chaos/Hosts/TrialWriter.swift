import Chaos
import FleetModel
import Synchronization

/// A client that inserts one numbered row after the other into a database of its own.
final class TrialWriter: Sendable {
    let engine: EngineKind
    /// Of its database.
    let id: String
    private let client: DataClient
    private let log = Mutex(InsertLog())

    private static let patience = Duration.seconds(60)

    init(_ engine: EngineKind, _ id: String, _ client: DataClient) {
        self.engine = engine
        self.id = id
        self.client = client
    }

    /// Until cancelled.
    func run() async throws {
        let clock = ContinuousClock(), start = clock.now
        while !Task.isCancelled {
            let row = log.withLock { $0.next() }, sent = clock.now
            do throws(CallFailure) {
                try await client.execute("INSERT INTO t VALUES (\(row))")
                log.withLock { $0.acknowledge(row, at: clock.now - start, after: clock.now - sent) }
            } catch {
                if Task.isCancelled { return }
                log.withLock { $0.fail(after: clock.now - sent) }
                // Refused at once, it would ask without a pause.
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    /// The longest time one request took since the last look.
    func look() -> Duration { log.withLock { $0.takeLongestAnswer() } }

    /// How many failed so far.
    var failures: Int { log.withLock { $0.failures } }

    /// Returns once what it is asking for now, if anything, is answered, and one request more.
    func waitForAnswers() async throws {
        let before = log.withLock { $0.answers }
        try await eventually("\(client.database) answers", within: Self.patience) { log.withLock { $0.answers >= before + 2 } ? () : nil }
    }

    /// Reads the table, which has to answer in time.
    func outcome() async throws -> InsertLog.Outcome {
        let rows = try await eventually("\(client.database) is read", within: Self.patience) { try await client.rows("SELECT n FROM t") }
        return log.withLock { $0.compared(with: rows.compactMap { $0.first?.text.flatMap { Int64($0) } }) }
    }
}
