import BerthTestKit
import Changesets
import FleetModel
@testable import FleetStore
import Leases
import LocalFleet
import Logging
import Synchronization
import Testing

/// What publishing and renewing cost the server: statements, index writes, scans.
@Suite(.timeLimit(.minutes(3)))
struct PublishCostTests {
    /// Reads the counters of `table` after `connection` has handed its own over.
    private func updates(
        of table: String, _ connection: PostgresConnection
    ) async throws -> (all: Int, withoutIndex: Int) {
        _ = try await connection.query("select pg_stat_force_next_flush()")
        let row = try await connection.query(
            "select n_tup_upd as all, n_tup_hot_upd as hot from pg_stat_user_tables where relname = $1", [.text(table)])[0]
        return (try row.int("all"), try row.int("hot"))
    }

    /// Old versions of a row make room only when no transaction of the server can still see them, so this is a server
    /// without the transactions of other tests.
    @Test func renewalsAndPublishesTouchNoIndex() async throws {
        try await DisposablePostgres.run { server in
            let stage = LeaseStage(try await FleetDatabase.make(in: server.conninfo()))
            let connection = stage.database.connection()
            let store = PostgresLeaseStore(renewals: connection, work: connection)
            var sessions: [SessionID] = []
            for number in 0..<10 { sessions.append(try await stage.session("node-\(number)")) }
            for _ in 0..<100 {
                for session in sessions { #expect(try await store.renew(session) == .renewed) }
            }
            let renewed = try await updates(of: "sessions", connection)
            #expect(renewed.all == 1000)
            #expect(renewed.withoutIndex >= 990)

            let databases = (0..<20).map { _ in DatabaseID.random() }
            try await store.createLeases(databases)
            var leases = try await store.acquire(databases, for: sessions[0])
            let before = try await updates(of: "leases", connection)
            for _ in 0..<100 {
                let entries = leases.map { LeaseFixture.next(on: $0) }
                #expect(try await store.publish(LeaseFixture.publication(entries, by: sessions[0])).count == 20)
                for index in leases.indices { leases[index].head = entries[index].endPosition }
            }
            let after = try await updates(of: "leases", connection)
            #expect(after.all - before.all == 2000)
            #expect(after.withoutIndex - before.withoutIndex >= 1980)
        }
    }

    /// The statements the server says it executes on one connection.
    private final class StatementLog: Sendable {
        private let messages = Mutex<[String]>([])

        var logger: Logger {
            var logger = Logger(label: "test") { _ in Handler(log: self) }
            logger.logLevel = .debug
            return logger
        }

        func take() -> [String] {
            messages.withLock { messages in
                defer { messages = [] }
                return messages.filter { $0.hasPrefix("execute") || $0.hasPrefix("statement") }
            }
        }

        private struct Handler: LogHandler {
            let log: StatementLog
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.debug
            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) {
                log.messages.withLock { $0.append("\(event.metadata?["message"] ?? "")") }
            }
        }
    }

    /// Rule 6: one statement for all databases of a bundle; and rule 1: one for all leases of a session.
    @Test func aPublishAndARenewalAreOneStatementEach() async throws {
        let stage = try await LeaseStage()
        let log = StatementLog()
        let connection = PostgresConnection(
            url: stage.database.url, applicationName: "logged", timeout: .seconds(60), logger: log.logger)
        let store = PostgresLeaseStore(renewals: connection, work: connection)
        let session = try await stage.session()
        let databases = (0..<200).map { _ in DatabaseID.random() }
        try await store.createLeases(databases)
        let leases = try await store.acquire(databases, for: session)
        try await connection.script("set log_statement = 'all'; set client_min_messages = 'log'")
        _ = log.take()

        #expect(try await store.publish(LeaseFixture.publication(leases.map { LeaseFixture.next(on: $0) }, by: session)).count == 200)
        let publish = log.take()
        #expect(publish.count == 1)
        #expect(publish.first?.contains("insert into segments") == true)
        #expect(try await store.renew(session) == .renewed)
        #expect(log.take().count == 1)
        // The log does record: two statements are two.
        _ = try await store.leases(heldBy: session)
        _ = try await store.liveSessions()
        #expect(log.take().count == 2)
    }

    /// The plan must not depend on the number of leases: by key, never by reading the table.
    @Test func noArrayStatementReadsAllLeases() async throws {
        let stage = try await LeaseStage()
        let connection = stage.database.connection()
        let session = try await stage.session()
        let store = PostgresLeaseStore(renewals: connection, work: connection)
        let databases = (0..<10_000).map { _ in DatabaseID.random() }
        try await store.createLeases(databases)
        let leases = try await store.acquire(databases, for: session)
        #expect(leases.count == 10_000)
        try await connection.script("analyze leases; analyze sessions")
        #expect(try await connection.query("show plan_cache_mode")[0].string(0) == "force_generic_plan")

        // A generic plan does not depend on the values.
        let types = ["uuid", "text", "bigint", "uuid[]", "bigint[]", "bigint[]", "bigint[]", "bigint[]", "bigint[]",
            "integer[]", "bigint[]", "bigint[]", "bigint[]", "smallint[]", "bigint[]", "bigint[]"]
        try await connection.script("prepare publish (\(types.joined(separator: ", "))) as \(PublishStatement.sql)")
        let values = types.map { $0.hasSuffix("[]") ? "'{}'::\($0)" : "null::\($0)" }.joined(separator: ", ")
        let plan = try await connection.query("explain (costs off) execute publish (\(values))")
            .map { try $0.string(0) }
        #expect(plan.contains { $0.contains("leases") })
        #expect(!plan.contains { $0.contains("Seq Scan on leases") }, "\(plan.joined(separator: "\n"))")

        // And what really happens when a few of the many are published, acquired, released and read.
        let few = Array(leases.prefix(20))
        let scans = "select coalesce(sum(seq_tup_read), 0)::bigint from pg_stat_xact_user_tables where relname = 'leases'"
        let read = try await connection.transaction { transaction in
            _ = try await transaction.query(
                PublishStatement.sql,
                PublishStatement.parameters(LeaseFixture.publication(few.map { LeaseFixture.next(on: $0) }, by: session)))
            return try await transaction.query(scans)[0].int64(0)
        }
        #expect(read == 0)
    }
}
