import BerthTestKit
import Engines
import FleetModel
import Testing

@testable import EngineHost
@testable import WorkerNode

/// A request ends when its client leaves, or when its time is over: then nothing of it runs, and nothing more of it is begun.
@Suite(.timeLimit(.minutes(1)))
struct RequestEndTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    /// Takes longer than any test.
    private static let endless = [
        EngineKind.sqlite: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        .duckdb: "SELECT count(*) FROM range(1000000000) a(i), range(1000000000) b(j) WHERE i + j < 0",
    ]

    private func withTenant(
        _ engine: EngineKind = .sqlite, settings: TenantSettings = TenantSettings(), _ body: (Tenant, String) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase(engine: engine)
        let engines = EngineSet([SQLiteEngine(), DuckDBEngine(library: try DuckDBLibrary.load())])
        try await TenantHost.with(stores, settings: settings, engines: engines) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v INTEGER)")
            try await body(tenant, try #require(Self.endless[engine]))
        }
    }

    @Test(arguments: [EngineKind.sqlite, .duckdb]) func aClientThatLeavesEndsWhatRuns(engine: EngineKind) async throws {
        try await withTenant(engine) { tenant, endless in
            let request = Task { try await tenant.client.execute(endless) }
            try await becomesTrue("it runs") { !tenant.hasIdleLane }
            request.cancel()
            _ = try? await request.value
            #expect(try await tenant.client.execute("SELECT count(*) FROM t").firstColumn == ["0"], "the next request finds everything as it was")
        }
    }

    /// What would come after it in the same request is not begun, and what shared a transaction with it is not kept.
    @Test(arguments: [false, true]) func nothingMoreIsBegunForAClientThatLeft(sharesATransaction: Bool) async throws {
        try await withTenant { tenant, endless in
            let before = await tenant.lastCommit
            let request = Task {
                let (first, last) = (StreamCall.execute("INSERT INTO t VALUES (1)"), StreamCall.execute("INSERT INTO t VALUES (2)"))
                // Only what leaves no stream behind may share a transaction.
                return sharesATransaction
                    ? try await tenant.client.pipeline(nil, first, .execute(endless), last, .close)
                    : try await tenant.client.pipeline(nil, first, .execute(endless), last)
            }
            try await becomesTrue("it is in the middle") {
                if sharesATransaction { return !tenant.hasIdleLane }
                return await tenant.lastCommit > before
            }
            request.cancel()
            _ = try? await request.value
            try await becomesTrue("nothing of it runs") { tenant.hasIdleLane }
            #expect(try await tenant.client.execute("SELECT v FROM t").firstColumn == (sharesATransaction ? [] : ["1"]))
        }
    }

    /// Each of its statements may take less than a statement may, and together they take too long.
    @Test func aRequestHasATimeInAll() async throws {
        var settings = TenantSettings()
        settings.requestTimeout = .seconds(5)
        try await withTenant(settings: settings) { tenant, endless in
            let before = await tenant.lastCommit
            let request = Task {
                try await tenant.client.pipeline(
                    nil, .execute("INSERT INTO t VALUES (1)"), .execute(endless), .execute("INSERT INTO t VALUES (2)"))
            }
            try await becomesTrue("it is in the middle") { await tenant.lastCommit > before }
            stores.clock.advance(by: .seconds(6))
            let answer = try await request.value
            // The second runs, or is about to.
            let ends = ["SQLITE_INTERRUPT", "REQUEST_TIMED_OUT"]
            #expect(answer.outcomes.first == "execute" && ends.contains(answer.outcomes[1]) && answer.outcomes.last == "REQUEST_TIMED_OUT", "\(answer.outcomes)")
            #expect(try await tenant.client.execute("SELECT v FROM t").firstColumn == ["1"])
        }
    }
}
