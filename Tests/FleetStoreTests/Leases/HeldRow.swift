import BerthTestKit
import FleetStore

/// Statements that are certain to overlap: a transaction holds a row, each statement is sent and seen waiting for it, then
/// the row is let go.
///
/// All statements have taken their snapshots by then, so each sees the effects of those before it only as far as
/// it looks at the locked row again. They get the row in the order in which they were sent.
struct HeldRow {
    private struct RolledBack: Error {}

    let stage: LeaseStage
    private let blocker: PostgresConnection

    init(_ stage: LeaseStage) {
        self.stage = stage
        self.blocker = stage.database.connection("blocker")
    }

    /// Returns once the client of that name waits for a lock.
    func waits(_ client: String) async throws {
        try await waitUntil(
            stage.observer,
            "select count(*) = 1 from pg_stat_activity where datname = current_database() "
                + "and application_name = $1 and wait_event_type = 'Lock'",
            [.text(client)])
    }

    /// Runs `body` while the rows that `lock` selects are held.
    ///
    /// - Parameter rollsBack: whether nothing of what `body` did in the transaction stays.
    func hold<Value>(
        _ lock: String, _ parameters: [PostgresValue] = [], rollsBack: Bool = false,
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        var value: Value?
        do {
            try await blocker.transaction { transaction in
                // Longer than a connection of the product may idle in a transaction.
                try await transaction.script("set local idle_in_transaction_session_timeout = '60s'")
                _ = try await transaction.query(lock, parameters)
                value = try await body(transaction)
                if rollsBack { throw RolledBack() }
            }
        } catch is RolledBack {}
        guard let value else { throw NoError() }
        return value
    }

    /// Sends `first` and then `second` while the rows are held, and returns their answers.
    ///
    /// - Parameter meanwhile: runs when both wait.
    func queue<First: Sendable, Second: Sendable>(
        _ lock: String, _ parameters: [PostgresValue],
        first: @escaping @Sendable (PostgresLeaseStore) async throws -> First,
        second: @escaping @Sendable (PostgresLeaseStore) async throws -> Second,
        meanwhile: () async throws -> Void = {}
    ) async throws -> (First, Second) {
        let (one, two) = (stage.database.leaseStore("first"), stage.database.leaseStore("second"))
        let sent = try await hold(lock, parameters) { _ in
            let first = Task { try await first(one) }
            try await waits("first")
            let second = Task { try await second(two) }
            try await waits("second")
            try await meanwhile()
            return (first, second)
        }
        return (try await sent.0.value, try await sent.1.value)
    }
}
