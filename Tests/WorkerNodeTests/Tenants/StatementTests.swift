import BerthTestKit
import EngineHost
import Engines
import FleetModel
import Hrana
import Replication
import Testing
@testable import WorkerNode


/// The data protocol against one database that nothing goes wrong with.
@Suite(.timeLimit(.minutes(1)))
struct StatementTests {
    private func withTenant(
        settings: TenantSettings = TenantSettings(), _ body: (DataClient, Tenant) async throws -> Void
    ) async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores, settings: settings) { host in
            let tenant = try await host.lead(record)
            try await body(tenant.client, tenant)
        }
    }

    @Test func executeAnswersRowsAndCounts() async throws {
        try await withTenant { client, _ in
            try await client.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
            let insert = try await client.execute("INSERT INTO t (v) VALUES ('a'), (2), (x'00ff'), (NULL), (1.5)")
            #expect(insert.affected_row_count == 5 && insert.last_insert_rowid == "5")
            let rows = try await client.execute("SELECT id, v FROM t ORDER BY id")
            #expect(rows.cols.map(\.name) == ["id", "v"])
            #expect(rows.texts == [["1", "a"], ["2", "2"], ["3", "AP8"], ["4", "null"], ["5", "1.5"]]
                || rows.texts[2] == ["3", "AP8="])
        }
    }

    @Test func anErrorOfAStatementIsAnAnswer() async throws {
        try await withTenant { client, tenant in
            for (sql, code) in [
                ("SELEC", "SQL_PARSE_ERROR"), ("SELECT 1; SELECT 2", "SQL_MANY_STATEMENTS"), ("", "SQL_NO_STATEMENT"),
            ] {
                await #expect(throws: ErrorAnswer(code: code, message: "")) { try await client.execute(sql) }
            }
            #expect(await tenant.isAtRest)
        }
    }

    @Test func aBodyThatIsNoJSONIsRefused() async throws {
        try await withTenant { client, tenant in
            for route in [DataRoute.v1Execute, .v1Batch, .pipeline(.two), .pipeline(.three), .cursor] {
                let error = await #expect(throws: BerthError.self) { try await client.call(route, "{") }
                #expect(error?.code == .malformedRequest)
            }
            #expect(await tenant.streamCount == 0)
        }
    }

    @Test func aReadOnlyTokenCannotWrite() async throws {
        try await withTenant { client, tenant in
            try await client.execute("CREATE TABLE t (v)")
            let blocked = ErrorAnswer(code: "BLOCKED", message: "")
            for sql in ["INSERT INTO t VALUES (1)", "DROP TABLE t", "BEGIN IMMEDIATE", "PRAGMA user_version = 7"] {
                await #expect(throws: blocked) { try await client.reading.execute(sql) }
            }
            #expect(try await client.reading.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            // A script could write anywhere, so it counts as writing.
            let pipeline = try await client.reading.pipeline(nil, .sequence("INSERT INTO t VALUES (1)"), .execute("SELECT 1"))
            #expect(pipeline.outcomes == ["BLOCKED", "execute"])
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            #expect(await tenant.turnOwner == nil)
        }
    }

    @Test func conditionsDecideWhichStepsRun() async throws {
        try await withTenant { client, _ in
            try await client.execute("CREATE TABLE t (v UNIQUE)")
            let answer = try await client.batch(
                Step("BEGIN"),
                Step("INSERT INTO t VALUES (1)", if: Step.ok(0)),
                Step("INSERT INTO t VALUES (1)", if: Step.ok(1)),
                Step("COMMIT", if: Step.ok(2)),
                Step("ROLLBACK", if: Step.not(Step.ok(3))),
                Step("SELECT count(*) FROM t", if: Step.isAutocommit),
                Step("SELECT 1", if: Step.failed(3)), Step("SELECT 1", if: Step.failed(4)))
            #expect(answer.outcomes == ["ok", "ok", "SQLITE_CONSTRAINT_UNIQUE", "skipped", "ok", "ok", "ok", "skipped"])
            #expect(answer.step_results[5]?.firstColumn == ["0"])
        }
    }

    @Test func aTransactionLeftOpenByABatchIsRolledBack() async throws {
        try await withTenant { client, tenant in
            try await client.execute("CREATE TABLE t (v)")
            _ = try await client.batch(Step("BEGIN"), Step("INSERT INTO t VALUES (1)"))
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            try await client.execute("INSERT INTO t VALUES (2)")
            #expect(await tenant.turnOwner == nil)
        }
    }

    @Test func aPipelineRunsEveryRequestAlsoAfterAnError() async throws {
        try await withTenant { client, _ in
            let answer = try await client.pipeline(
                nil, .sequence("CREATE TABLE t (v); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"),
                .execute("SELECT nothing"), .execute("SELECT v FROM t"), .describe("SELECT v FROM t WHERE v = :x"),
                .getAutocommit, .execute("BEGIN"), .getAutocommit, .batch(Step("INSERT INTO t VALUES (3)")),
                .execute("COMMIT"), .close)
            #expect(
                answer.outcomes == [
                    "sequence", "SQLITE_ERROR", "execute", "describe", "get_autocommit", "execute", "get_autocommit",
                    "batch", "execute", "close",
                ] || answer.outcomes[1] == "SQL_PARSE_ERROR")
            #expect(answer.rows(2) == [["1"], ["2"]])
            let description = try #require(answer.results[3].response?.description)
            #expect(description.is_readonly && !description.is_explain)
            #expect(description.params.map(\.name) == [":x"] && description.cols.map(\.name) == ["v"])
            #expect(answer.results[4].response?.isAutocommit == true && answer.results[6].response?.isAutocommit == false)
            #expect(answer.baton == nil, "a closed stream has no baton")
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["3"])
        }
    }

    @Test func aScriptStopsAtItsFirstError() async throws {
        try await withTenant { client, _ in
            let answer = try await client.pipeline(
                nil, .sequence("CREATE TABLE t (v); INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1); INSERT INTO t VALUES (2)"))
            #expect(answer.results[0].type == "error")
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"])
        }
    }

    @Test func storedSQLBelongsToItsStreamAndIsLimited() async throws {
        try await withTenant { client, _ in
            let first = try await client.pipeline(
                nil, .store(1, "SELECT 41 + 1"), .store(1, "SELECT 0"), .executeStored(1), .executeStored(2), .forget(1),
                .executeStored(1), .store(1, "SELECT 43"), .executeStored(1))
            #expect(
                first.outcomes == [
                    "store_sql", "store_sql", "execute", "SQL_INPUT_ERROR", "close_sql", "SQL_INPUT_ERROR", "store_sql",
                    "execute",
                ])
            #expect(first.rows(2) == [["0"]] && first.rows(7) == [["43"]])
            let again = try await client.pipeline(first.baton, .executeStored(1))
            #expect(again.rows(0) == [["43"]])
            #expect(try await client.pipeline(nil, .executeStored(1)).outcomes == ["SQL_INPUT_ERROR"])

            let tooLarge = String(repeating: "x", count: (1 << 20) + 1)
            #expect(try await client.pipeline(nil, .store(1, tooLarge)).outcomes == ["SQL_STORE_TOO_LARGE"])
            var baton: String?
            for id in 0..<256 {
                let answer = try await client.pipeline(baton, .store(id, "SELECT \(id)"))
                #expect(answer.outcomes == ["store_sql"])
                baton = answer.baton
            }
            #expect(try await client.pipeline(baton, .store(256, "SELECT 1"), .store(7, "SELECT 1")).outcomes == ["SQL_STORE_TOO_MANY", "store_sql"])
        }
    }

    @Test func aCursorAnswersLineByLine() async throws {
        try await withTenant { client, _ in
            let answer = try await client.cursor(
                nil, Step("CREATE TABLE t (v)"), Step("INSERT INTO t VALUES (1), (2)"), Step("SELECT v FROM t"),
                Step("SELECT nothing FROM t"), Step("SELECT 1", if: Step.ok(3)))
            #expect(
                answer.entries.map { "\($0.type) \($0.step ?? -1)" } == [
                    "step_begin 0", "step_end -1", "step_begin 1", "step_end -1", "step_begin 2", "row -1", "row -1",
                    "step_end -1", "step_error 3", "replication_index -1",
                ])
            #expect(answer.entries.compactMap(\.row).map { $0.map(\.text) } == [["1"], ["2"]])
            let next = try await client.cursor(answer.baton, Step("SELECT count(*) FROM t"))
            #expect(next.entries.compactMap(\.row).first?.map(\.text) == ["2"])
        }
    }

    @Test func anAnswerThatIsTooLongIsRefused() async throws {
        var settings = TenantSettings()
        settings.responseBytes = 10_000
        try await withTenant(settings: settings) { client, _ in
            await #expect(throws: ErrorAnswer(code: "RESPONSE_TOO_LARGE", message: "")) {
                try await client.execute("SELECT hex(zeroblob(20000))")
            }
            try await client.execute("SELECT 1")
        }
    }

    /// Results wait in memory for each other: what the first ones take is missing for the later ones. What does not fit is undone.
    @Test func theResultsOfARequestShareItsLimit() async throws {
        var settings = TenantSettings()
        settings.responseBytes = 10_000
        try await withTenant(settings: settings) { client, _ in
            try await client.execute("CREATE TABLE t (v)")
            let answer = try await client.pipeline(
                nil, .execute("SELECT zeroblob(6000)"), .execute("INSERT INTO t VALUES (1) RETURNING zeroblob(5000)"),
                .execute("INSERT INTO t VALUES (2) RETURNING v"), .close)
            #expect(answer.outcomes == ["execute", "RESPONSE_TOO_LARGE", "execute", "close"])
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["2"])
        }
    }

    @Test func idleFilesAreClosedAndOpenedAgain() async throws {
        try await withTenant { client, tenant in
            try await client.execute("CREATE TABLE t (v)")
            try await becomesTrue("it is shipped") { await tenant.allIsPublished }
            await tenant.closeIfIdle(before: tenant.environment.clock.now() + .seconds(1))
            #expect(await !tenant.isServingNow)
            #expect(try tenant.copy.mark()?.position == tenant.head)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            #expect(try tenant.copy.mark() == nil, "an open copy has no mark")
        }
    }

    @Test func whatIsNotPublishedKeepsTheFilesOpen() async throws {
        try await withTenant { client, tenant in
            try await client.execute("CREATE TABLE t (v)")
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("SELECT * FROM t")).baton
            try await becomesTrue("it is shipped") { await tenant.allIsPublished }
            await tenant.closeIfIdle(before: tenant.environment.clock.now() + .seconds(1))
            #expect(await tenant.isServingNow, "a stream is open")
            _ = try await client.pipeline(baton, .execute("INSERT INTO t VALUES (1)"), .execute("COMMIT"), .close)
            await tenant.closeIfIdle(before: tenant.environment.clock.now() + .seconds(1))
            #expect(await tenant.isServingNow, "a commit is not shipped: the interval has not passed")
        }
    }
}
