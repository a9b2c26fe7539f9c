import BerthTestKit
import EngineHost
import Engines
import FleetModel
import Leases
import Testing

@testable import WorkerNode

/// Requests that share a transaction: what they save, and that nobody can tell otherwise.
@Suite(.timeLimit(.minutes(1)))
struct GroupTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    private func withTenant(
        _ durability: Durability = .local, settings: TenantSettings = Self.settings, clock: (any FleetClock)? = nil,
        engines: EngineSet = EngineSet([SQLiteEngine()]), _ body: (DataClient, Tenant, TenantHost) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase(durability: durability)
        try await TenantHost.with(stores, settings: settings, clock: clock, engines: engines) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v UNIQUE)")
            try await becomesTrue("the table is shipped") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.allIsPublished
            }
            try await body(tenant.client, tenant, host)
        }
    }

    /// Patient: a slow machine must not make a group end early.
    private static var settings: TenantSettings {
        var settings = TenantSettings()
        settings.groupTime = .seconds(20)
        // Reads are members of groups where nobody reads beside the writer.
        settings.readers = 0
        return settings
    }

    private typealias Call = @Sendable () async throws -> String

    /// One word for what a request answered: ok, or the code of its error.
    private func execute(_ sql: String, _ client: DataClient) -> Call {
        {
            do { return try await client.execute(sql).firstColumn.first ?? "ok" } catch let error as ErrorAnswer {
                return error.code ?? "?"
            } catch let error as BerthError {
                return error.code.rawValue
            }
        }
    }

    private func together(
        _ tenant: Tenant, _ calls: [Call], meanwhile: () async throws -> Void = {}
    ) async throws -> [String] {
        try await tenant.together(calls, meanwhile: meanwhile).map { try $0.get() }
    }

    // MARK: What it saves

    @Test func manyRequestsAreOneCommit() async throws {
        try await withTenant { client, tenant, _ in
            let (commits, bytes) = (await tenant.lastCommit, await tenant.walBytes())
            let answers = try await together(tenant, (0..<20).map { execute("INSERT INTO t VALUES (\($0))", client) })
            #expect(answers == Array(repeating: "ok", count: 20))
            #expect(await tenant.lastCommit == commits + 1)
            // Each commit would have written the table's page and its index's again: 40 frames of 4,120 bytes.
            #expect(await tenant.walBytes() - bytes <= 4 * 4_120)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["20"])
            #expect(await tenant.isAtRest)
        }
    }

    @Test func requestsOneAfterTheOtherCommitEach() async throws {
        try await withTenant { client, tenant, _ in
            let commits = await tenant.lastCommit
            for value in 0..<3 { try await client.execute("INSERT INTO t VALUES (\(value))") }
            #expect(await tenant.lastCommit == commits + 3)
        }
    }

    @Test func aGroupHasABoundedNumberOfRequests() async throws {
        var settings = Self.settings
        settings.groupRequests = 4
        try await withTenant(settings: settings) { client, tenant, _ in
            let commits = await tenant.lastCommit
            let answers = try await together(tenant, (0..<10).map { execute("INSERT INTO t VALUES (\($0))", client) })
            #expect(answers == Array(repeating: "ok", count: 10))
            #expect(await tenant.lastCommit == commits + 3)
        }
    }

    @Test func theStatementsOfOneRequestAreOneCommit() async throws {
        try await withTenant { client, tenant, _ in
            let commits = await tenant.lastCommit
            let answer = try await client.pipeline(
                nil, .execute("INSERT INTO t VALUES (1)"), .batch(Step("INSERT INTO t VALUES (2)"), Step("SELECT count(*) FROM t")),
                .getAutocommit, .close)
            #expect(answer.outcomes == ["execute", "batch", "get_autocommit", "close"] && answer.baton == nil)
            #expect(answer.results[1].response?.batch?.step_results[1]?.firstColumn == ["2"])
            #expect(answer.results[2].response?.isAutocommit == true)
            #expect(await tenant.lastCommit == commits + 1)
        }
    }

    /// A batch as client libraries send it.
    private func transaction(_ client: DataClient, begin: String = "BEGIN", _ statements: String...) -> Call {
        {
            var steps = [Step(begin)] + statements.enumerated().map { Step($1, if: Step.ok($0)) }
            steps.append(Step("COMMIT", if: Step.ok(steps.count - 1)))
            steps.append(Step("ROLLBACK", if: Step.not(Step.ok(steps.count - 1))))
            return try await client.batch(steps).outcomes.joined(separator: " ")
        }
    }

    @Test func transactionsInOneRequestShareTheirCommit() async throws {
        try await withTenant { client, tenant, _ in
            let commits = await tenant.lastCommit
            let answers = try await together(
                tenant,
                [
                    transaction(client, "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"), execute("INSERT INTO t VALUES (3)", client),
                    transaction(client, begin: "BEGIN IMMEDIATE", "INSERT INTO t VALUES (4)"),
                    transaction(client, begin: "BEGIN DEFERRED", "SELECT count(*) FROM t"),
                    {
                        let answer = try await client.pipeline(
                            nil, .getAutocommit, .execute("BEGIN"), .execute("INSERT INTO t VALUES (5)"), .getAutocommit,
                            .execute("COMMIT"), .getAutocommit, .close)
                        return answer.results.map { "\($0.response?.isAutocommit.map { $0 ? "auto" : "open" } ?? "ok")" }.joined(separator: " ")
                    },
                ])
            #expect(
                answers == [
                    "ok ok ok ok skipped", "ok", "ok ok ok skipped", "ok ok ok skipped", "auto ok ok open ok auto ok",
                ])
            #expect(await tenant.lastCommit == commits + 1)
            #expect(try await client.execute("SELECT v FROM t ORDER BY v").firstColumn == ["1", "2", "3", "4", "5"])
        }
    }

    /// Whatever is not simply kept is carried out by itself.
    @Test func transactionsThatFailOrRollBackFailAlone() async throws {
        try await withTenant { client, tenant, _ in
            try await client.execute("INSERT INTO t VALUES (0)")
            let answers = try await together(
                tenant,
                [
                    execute("INSERT INTO t VALUES (1)", client), transaction(client, "INSERT INTO t VALUES (10)", "INSERT INTO t VALUES (0)"),
                    { try await client.batch([Step("BEGIN"), Step("INSERT INTO t VALUES (11)"), Step("ROLLBACK")]).outcomes.joined(separator: " ") },
                    // Its stream ends with the transaction open.
                    { try await client.batch([Step("BEGIN"), Step("INSERT INTO t VALUES (12)"), Step("COMMIT", if: Step.failed(1))]).outcomes.joined(separator: " ") },
                    { try await client.batch([Step("BEGIN"), Step("BEGIN"), Step("COMMIT")]).outcomes.joined(separator: " ") },
                    { try await client.batch([Step("BEGIN NOW"), Step("INSERT INTO t VALUES (2)"), Step("COMMIT")]).outcomes.joined(separator: " ") },
                    { try await client.batch([Step("COMMIT"), Step("BEGIN"), Step("COMMIT"), Step("ROLLBACK")]).outcomes.joined(separator: " ") },
                    transaction(client.reading, "INSERT INTO t VALUES (13)"), transaction(client, "INSERT INTO t VALUES (3)"),
                ])
            let constraint = "SQLITE_CONSTRAINT_UNIQUE"
            #expect(
                answers == [
                    "ok", "ok ok \(constraint) skipped ok", "ok ok ok", "ok ok skipped", "ok SQLITE_ERROR ok", "SQL_PARSE_ERROR ok SQLITE_ERROR",
                    "SQLITE_ERROR ok ok SQLITE_ERROR", "ok BLOCKED skipped ok", "ok ok ok skipped",
                ])
            #expect(try await client.execute("SELECT v FROM t ORDER BY v").firstColumn == ["0", "1", "2", "3"])
            #expect(await tenant.isAtRest)
        }
    }

    // MARK: Each as if alone

    @Test func anErrorIsOnlyItsOwn() async throws {
        try await withTenant { client, tenant, _ in
            // What has to be carried out again comes in any order, as requests that are there at the same time may.
            try await client.execute("INSERT INTO t VALUES (0)")
            let answers = try await together(
                tenant,
                [
                    execute("INSERT INTO t VALUES (1)", client), execute("INSERT INTO t VALUES (7), (0)", client),
                    // Keeps the row before the failing one.
                    execute("INSERT OR FAIL INTO t VALUES (3), (0)", client),
                    // Ends the transaction it is in.
                    execute("INSERT OR ROLLBACK INTO t VALUES (8), (0)", client), execute("SELEC", client),
                    execute("SELECT * FROM nowhere", client), execute("INSERT INTO t VALUES (2)", client),
                ])
            #expect(
                answers == [
                    "ok", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_UNIQUE", "SQL_PARSE_ERROR",
                    answers[5], "ok",
                ])
            #expect(["SQLITE_ERROR", "SQL_PARSE_ERROR"].contains(answers[5]))
            #expect(try await client.execute("SELECT v FROM t ORDER BY v").firstColumn == ["0", "1", "2", "3"])
            #expect(await tenant.isAtRest)
        }
    }

    @Test func afterAnErrorEachHasASavepoint() async throws {
        try await withTenant { client, tenant, _ in
            try await client.execute("INSERT INTO t VALUES (0)")
            var commits = await tenant.lastCommit
            for round in 0..<2 {
                let values = [1, 0, 2, 0, 3].map { $0 == 0 ? 0 : $0 + round * 10 }
                let answers = try await together(tenant, values.map { execute("INSERT INTO t VALUES (\($0))", client) })
                #expect(answers == ["ok", "SQLITE_CONSTRAINT_UNIQUE", "ok", "SQLITE_CONSTRAINT_UNIQUE", "ok"])
                let after = await tenant.lastCommit
                // The first error undoes its group, whose members have commits of their own; from then on only who fails has.
                if round == 1 { #expect(after - commits == 3) }
                commits = after
            }
            #expect(try await client.execute("SELECT v FROM t ORDER BY v").firstColumn == ["0", "1", "2", "3", "11", "12", "13"])
        }
    }

    @Test func stepsInAutocommitFailAlone() async throws {
        try await withTenant { client, tenant, _ in
            let batch: Call = {
                try await client.batch(
                    Step("INSERT INTO t VALUES (1)"), Step("INSERT INTO t VALUES (1)"), Step("INSERT INTO t VALUES (2)"),
                    Step("INSERT INTO t VALUES (3)", if: Step.failed(1)), Step("INSERT INTO t VALUES (4)", if: Step.ok(1))
                ).outcomes.joined(separator: " ")
            }
            let answers = try await together(
                tenant, [execute("INSERT INTO t VALUES (10)", client), batch, execute("INSERT INTO t VALUES (11)", client)])
            #expect(answers == ["ok", "ok SQLITE_CONSTRAINT_UNIQUE ok ok skipped", "ok"])
            #expect(try await client.execute("SELECT v FROM t ORDER BY v").firstColumn == ["1", "2", "3", "10", "11"])
        }
    }

    /// It is interrupted, which rolls back the transaction of all of them.
    @Test func aLongWriteTakesNobodysWriteWithIt() async throws {
        var settings = Self.settings
        settings.groupTime = .milliseconds(30)
        try await withTenant(settings: settings, clock: BootClock()) { client, tenant, _ in
            let long = """
                INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n
                """
            let answers = try await together(
                tenant,
                [
                    execute("INSERT INTO t VALUES (1)", client), execute(long, client), execute("INSERT INTO t VALUES (2)", client),
                    execute("SELECT count(*) FROM t WHERE v < 1000", client),
                ])
            #expect(answers[0] == "ok" && answers[1] == "ok" && answers[2] == "ok")
            #expect(try await client.execute("SELECT count(*), sum(v < 1000) FROM t").texts == [["199003", "2"]])
        }
    }

    @Test func aLargeAnswerIsGivenByItself() async throws {
        try await withTenant { client, tenant, _ in
            let answers = try await together(
                tenant,
                [
                    execute("INSERT INTO t VALUES (1)", client), execute("SELECT printf('%.*c', 1000000, 'x')", client),
                    execute("INSERT INTO t VALUES (2)", client),
                ])
            #expect(answers.map(\.count) == [2, 1_000_000, 2])
        }
    }

    @Test func whoMayNotWriteDoesNot() async throws {
        try await withTenant { client, tenant, _ in
            let answers = try await together(
                tenant,
                [
                    execute("INSERT INTO t VALUES (1)", client), execute("INSERT INTO t VALUES (2)", client.reading),
                    execute("SELECT count(*) FROM t", client.reading),
                ])
            #expect(answers == ["ok", "BLOCKED", "1"])
        }
    }

    @Test func anOpenTransactionIsWaitedForByWhoWrites() async throws {
        try await withTenant { client, tenant, _ in
            let baton = try await client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (1)")).baton
            let answers = try await together(
                tenant,
                [
                    execute("INSERT INTO t VALUES (2)", client), execute("SELECT count(*) FROM t", client),
                    execute("INSERT INTO t VALUES (3)", client),
                ]
            ) {
                try await becomesTrue("only the writes wait") {
                    let waits = await tenant.hasTurnWaiters
                    let requests = await tenant.waitingRequests
                    return waits && requests == 2
                }
                #expect(try await client.pipeline(baton, .execute("COMMIT"), .close).outcomes == ["execute", "close"])
            }
            #expect(answers == ["ok", "0", "ok"])
            #expect(try await client.execute("SELECT v FROM t ORDER BY v").firstColumn == ["1", "2", "3"])
            #expect(await tenant.isAtRest)
        }
    }

    // MARK: Acknowledgements

    /// Rule 2 for each member: the process stops for longer than its session lives, wherever it looks at the time.
    @Test func aPauseAnywhereInAGroupIsNeverAcknowledged() async throws {
        let clock = JumpingClock(stores.clock)
        try await withTenant(clock: clock) { client, tenant, host in
            var seen: Set<String> = []
            for readings in 0..<60 {
                clock.jump(afterReadings: readings, by: TenantHost.lifetime * 2)
                let values = (0..<3).map { readings * 10 + $0 }
                let answers = try await JumpingClock.$isLookedAt.withValue(true) {
                    try await together(tenant, values.map { execute("INSERT INTO t VALUES (\($0))", client) })
                }
                let hasNotJumped = clock.stayPut()
                host.openGate()
                for (value, answer) in zip(values, answers) {
                    let isThere = try await client.execute("SELECT count(*) FROM t WHERE v = \(value)").firstColumn == ["1"]
                    switch answer {
                    case "ok": #expect(isThere, "\(value)")
                    case "leader_unavailable", "ship_lag_exceeded": #expect(!isThere, "\(value): nothing was executed")
                    default: #expect(answer == "outcome_unknown", "\(value)")
                    }
                    seen.insert("\(answer) \(isThere)")
                }
                // Whoever is answered after the pause must not be acknowledged, whoever is before may be.
                #expect(hasNotJumped || answers.contains { $0 != "ok" })
                try await becomesTrue("it is shipped") {
                    stores.clock.advance(by: .milliseconds(250))
                    return await tenant.allIsPublished
                }
            }
            #expect(seen.isSuperset(of: ["leader_unavailable false", "outcome_unknown true", "ok true"]))
        }
    }

    @Test func bucketWritesOfAGroupAreAcknowledgedOncePublished() async throws {
        try await withTenant(.bucket) { client, tenant, host in
            let door = Latch()
            stores.leases.before { call throws(LeaseStoreError) in if case .publish = call { await door.pass() } }
            let calls = (0..<3).map { execute("INSERT INTO t VALUES (\($0))", client) } + [execute("SELECT count(*) FROM t", client)]
            let answers = try await together(tenant, calls) {
                try await becomesTrue("all wait for the bucket") {
                    stores.clock.advance(by: .milliseconds(10))
                    let waiting = await tenant.waitingRequests
                    return door.arrivals == 1 && waiting == 4
                }
                door.open()
            }
            #expect(answers == ["ok", "ok", "ok", "3"])
        }
    }

    @Test func aGateThatClosesBeforeTheBucketAnswersMakesAllOfThemUnknown() async throws {
        try await withTenant(.bucket) { client, tenant, host in
            let door = Latch()
            stores.leases.before { call throws(LeaseStoreError) in if case .publish = call { await door.pass() } }
            let calls = (0..<3).map { execute("INSERT INTO t VALUES (\($0))", client) } + [execute("SELECT count(*) FROM t", client)]
            let answers = try await together(tenant, calls) {
                try await becomesTrue("all wait for the bucket") {
                    stores.clock.advance(by: .milliseconds(10))
                    let waiting = await tenant.waitingRequests
                    return door.arrivals == 1 && waiting == 4
                }
                host.gate.closeForGood()
                door.open()
            }
            #expect(answers == Array(repeating: "outcome_unknown", count: 3) + ["leader_unavailable"])
        }
    }

    // MARK: Commits that fail

    @Test func aCommitThatIsRefusedIsTriedAgainByEachAlone() async throws {
        let engine = UncommittingEngine(.leavesOpen)
        try await withTenant(engines: EngineSet([engine])) { client, tenant, _ in
            engine.failures.add(1)
            let answers = try await together(
                tenant, (0..<3).map { execute("INSERT INTO t VALUES (\($0))", client) } + [execute("SELECT count(*) FROM t", client)])
            #expect(Array(answers[..<3]) == ["ok", "ok", "ok"] && engine.failures.left == 0)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["3"])
        }
    }

    /// Its client's COMMIT is the group's, which is tried again; one statement that nobody shares is no group.
    @Test func aWholeTransactionIsAGroupAlsoOnAnIdleDatabase() async throws {
        let engine = UncommittingEngine(.leavesOpen)
        try await withTenant(engines: EngineSet([engine])) { client, tenant, _ in
            engine.failures.add(1)
            // Nothing of the table's is under way any more: the lane is idle, and stays it.
            try await becomesTrue("the table is published") { await tenant.allIsPublished }
            try await becomesTrue("nobody is at work") { tenant.hasIdleLane }
            try await client.execute("INSERT INTO t VALUES (1)")
            #expect(engine.failures.left == 1)
            let answer = try await client.pipeline(
                nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES (2)"), .execute("COMMIT"), .close)
            #expect(answer.outcomes == ["execute", "execute", "execute", "close"] && engine.failures.left == 0)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["2"])
        }
    }

    /// Should a statement ever end the transaction that it shares: what may have been kept is not carried out once more.
    @Test func whatCommittedInsideAGroupIsNotCarriedOutAgain() async throws {
        let engine = UncommittingEngine(.commitsInside)
        try await withTenant(engines: EngineSet([engine])) { client, tenant, _ in
            engine.failures.add(1)
            let answers = try await together(tenant, (0..<3).map { execute("INSERT INTO t VALUES (\($0))", client) })
            #expect(answers.sorted() == ["OUTCOME_UNKNOWN", "ok", "ok"] && engine.failures.left == 0)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["3"])
            try await becomesTrue("all is published") {
                stores.clock.advance(by: .milliseconds(100))
                return await tenant.allIsPublished
            }
        }
    }

    @Test func aCommitThatRollsBackFailsEveryoneWhoWrote() async throws {
        let engine = UncommittingEngine(.rollsBack)
        try await withTenant(engines: EngineSet([engine])) { client, tenant, _ in
            engine.failures.add(1)
            let batch: Call = { try await client.batch(Step("INSERT INTO t VALUES (8)"), Step("INSERT INTO t VALUES (9)")).outcomes.joined(separator: " ") }
            let answers = try await together(
                tenant,
                [
                    execute("INSERT INTO t VALUES (1)", client), batch, execute("SELECT count(*) FROM t", client),
                    execute("INSERT INTO t VALUES (2)", client),
                ])
            #expect(answers == ["SQLITE_IOERR", "SQLITE_IOERR SQLITE_IOERR", "0", "SQLITE_IOERR"] && engine.failures.left == 0)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            try await client.execute("INSERT INTO t VALUES (3)")
        }
    }
}
