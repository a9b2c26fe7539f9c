import BerthTestKit
import Engines
import FleetModel
import Leases
import Testing

@testable import WorkerNode

/// What a tenant has to see to with an engine whose statements do not always say what they do.
@Suite(.timeLimit(.minutes(1)))
struct DuckDBTenantTests {
    private func withTenant(_ body: (DataClient, Tenant, TestStores) async throws -> Void) async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase(engine: .duckdb, durability: .bucket)
        try await TenantHost.with(stores, engines: EngineSet([DuckDBEngine(library: try DuckDBLibrary.load())])) { host in
            let tenant = try await host.lead(record)
            async let made = tenant.client.batch(
                Step("CREATE SEQUENCE s"), Step("CREATE VIEW v AS SELECT nextval('s') AS n"), Step("CREATE TABLE t (a INTEGER)"))
            try await becomesTrue("it is published") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.hasServedAll
            }
            let outcomes = try await made.outcomes
            #expect(outcomes == ["ok", "ok", "ok"])
            try await body(tenant.client, tenant, stores)
        }
    }

    /// Nothing in `FROM v` says that it writes: DuckDB commits a number all the same.
    @Test func aWriteThatHidesBehindAViewIsAcknowledgedLikeAnyOther() async throws {
        try await withTenant { client, tenant, stores in
            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            let asking = Task { try await client.execute("FROM v").firstColumn }
            try await becomesTrue("it waits for the bucket") { await tenant.waitsForPublish }
            door.open()
            try await becomesTrue("it is published") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.allIsPublished
            }
            #expect(try await asking.value == ["1"])
            let seq = try await stores.lease(of: tenant.record).head.seq
            async let cursor = client.cursor(nil, Step("FROM v"))
            try await becomesTrue("so is one of a cursor") {
                stores.clock.advance(by: .milliseconds(50))
                return try await stores.lease(of: tenant.record).head.seq > seq
            }
            #expect(try await cursor.entries.compactMap { $0.row?.first?.text } == ["2"])
        }
    }

    @Test func temporaryTablesBelongToTheirStream() async throws {
        try await withTenant { client, tenant, stores in
            try await stores.whileTimePasses {
                let first = try await client.pipeline(nil, .execute("CREATE TEMP TABLE mine (a INTEGER)"), .execute("INSERT INTO mine VALUES (7)"))
                #expect(first.outcomes == ["execute", "execute"])
                let second = try await client.pipeline(first.baton, .execute("SELECT a FROM mine"), .close)
                #expect(second.rows(0) == [["7"]])
                let after = try await client.pipeline(nil, .execute("SELECT a FROM mine"), .close)
                #expect(after.outcomes == ["DUCKDB_CATALOG", "close"])
            }
            #expect(await tenant.isAtRest)
        }
    }

    @Test func readersChangeNothingHoweverItHides() async throws {
        try await withTenant { client, tenant, _ in
            let blocked = ErrorAnswer(code: "BLOCKED", message: "")
            for sql in ["FROM v", "SELECT nextval('s')", "INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a INTEGER)"] {
                await #expect(throws: blocked, "\(sql)") { try await client.reading.execute(sql) }
            }
            let cursor = try await client.reading.cursor(nil, Step("FROM v"))
            #expect(cursor.entries.compactMap(\.error) == [blocked])
            _ = try await client.reading.pipeline(cursor.baton, .close)
            let transaction = try await client.reading.pipeline(
                nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)"), .execute("ROLLBACK"), .execute("SELECT count(*) FROM t"), .close)
            #expect(transaction.outcomes == ["execute", "BLOCKED", "execute", "execute", "close"])
            #expect(await tenant.isAtRest)
        }
    }
}
