import BerthTestKit
import Changesets
import FleetModel
import FleetStore
import Leases
import LocalFleet
import Testing

/// Rule 12: what the store confirmed it keeps.
@Suite(.timeLimit(.minutes(2)))
struct DurableStoreTests {
    /// The server's default is a promise to nobody: its commits would be confirmed before they are anywhere but in its memory.
    @Test func whatWasPublishedSurvivesACrashOfAPostgresThatCommitsLazily() async throws {
        // It would write by itself only after ten seconds.
        let lazily = ["synchronous_commit": "off", "wal_writer_delay": "10s"]
        try await DisposablePostgres.run(settings: lazily) { server in
            let database = try await FleetDatabase.make(in: server.conninfo())
            let store = database.leaseStore(), id = DatabaseID.random()
            let session = try LeaseFixture.session("node-1")
            try await store.openSession(session)
            try await store.createLeases([id])
            var lease = try #require(try await store.acquire([id], for: session.id).first)
            for _ in 0..<5 {
                let entry = LeaseFixture.next(on: lease)
                #expect(try await store.publish(LeaseFixture.publication([entry], by: session.id)) == [id])
                lease.head = ChainPosition(seq: entry.lastSeq, checksum: entry.checksum)
            }
            await server.kill()
            try await server.start()
            #expect(try await database.leaseStore().leases(of: [id]) == [lease])
            let setting = try await database.connection().query("SELECT current_setting('synchronous_commit')")
            #expect(try setting[0].string(0) == "on")
        }
    }

    @Test(arguments: [["fsync": "off", "full_page_writes": "on"], ["fsync": "on", "full_page_writes": "off"]])
    func aServerThatForgetsIsRefused(settings: [String: String]) async throws {
        try await DisposablePostgres.run(settings: settings.merging(["berth.may_lose_data": "off"]) { $1 }) { server in
            let url = try PostgresURL(server.conninfo())
            let connection = PostgresConnection(url: url, applicationName: "test", logger: .silent)
            let error = try await postgresError { try await connection.query("SELECT 1") }
            #expect(error.kind == .notDurable && error.outcome == .notApplied)
            #expect(error.berthError.code == .storeNotDurable)
            #expect(error.berthError.message.contains("fsync") && error.berthError.message.contains("berth.may_lose_data"))
            // For leases it is one that is not there.
            do {
                _ = try await PostgresLeaseStore(renewals: connection, work: connection).liveSessions()
                Issue.record("sessions were read from it")
            } catch let error as LeaseStoreError {
                if case .unavailable = error {} else { Issue.record("\(error)") }
            }
        }
    }

    /// As tests' own servers do.
    @Test func aServerThatSaysSoMayForget() async throws {
        try await DisposablePostgres.run(settings: ["fsync": "off", "full_page_writes": "off"]) { server in
            let database = try await FleetDatabase.make(in: server.conninfo())
            #expect(try await database.catalogue().standby() == .knownToBeNone)
        }
    }

    @Test func aServerWithoutAStandbyIsSeen() async throws {
        try await DisposablePostgres.run(settings: ["berth.without_standby": "off"]) { server in
            let database = try await FleetDatabase.make(in: server.conninfo())
            #expect(try await database.catalogue().standby() == .none)
            // Without waiting for the one that is not there.
            let connection = database.connection()
            _ = try await connection.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            _ = try await connection.query("SELECT pg_reload_conf()")
            try await eventually("the standby is named") { try await database.catalogue().standby() == .synchronous ? () : nil }
        }
    }
}
