import BerthTestKit
import FleetStore
import Testing

@Suite(.timeLimit(.minutes(2)))
struct PostgresConnectionTests {
    @Test func everyConnectionHasItsSettings() async throws {
        let connection = try await connect(timeout: .seconds(7))
        for (name, value) in [
            ("plan_cache_mode", "force_generic_plan"), ("idle_in_transaction_session_timeout", "10s"),
            ("statement_timeout", "7500ms"), ("TimeZone", "UTC"), ("client_encoding", "UTF8"), ("application_name", "test"),
        ] {
            #expect(try await connection.query("SELECT current_setting($1)", [.text(name)])[0].string(0) == value)
        }
    }

    @Test func aStatementIsPreparedOncePerConnection() async throws {
        let connection = try await connect()
        for n in 0..<10 { _ = try await connection.query("SELECT $1::int8 + 1", [.int8(Int64(n))]) }
        let rows = try await connection.query("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%+ 1'")
        #expect(rows.count == 1)
    }

    @Test func moreStatementsThanTheCacheHolds() async throws {
        let connection = try await connect()
        for n in 0..<600 { #expect(try await connection.query("SELECT \(n)")[0].int(0) == n) }
        #expect(try await connection.query("SELECT count(*) FROM pg_prepared_statements")[0].int(0) <= 256)
        #expect(try await connection.query("SELECT 0")[0].int(0) == 0)
    }

    @Test func aChangedResultTypeIsPreparedAnew() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (a int8); INSERT INTO t VALUES (1)")
        #expect(try await connection.query("SELECT * FROM t").columns == ["a"])
        try await connection.script("ALTER TABLE t ADD COLUMN b text DEFAULT 'new'")
        #expect(try await connection.query("SELECT * FROM t")[0].string("b") == "new")
    }

    @Test func waitingStatementsDoNotHoldThreadsOfOthers() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask { _ = try await connect(conninfo).query("SELECT pg_sleep(1)") }
            }
            try await group.waitForAll()
        }
        // One after the other they would take 20 seconds.
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func aClosedConnectionStaysClosed() async throws {
        let connection = try await connect()
        _ = try await connection.query("SELECT 1")
        await connection.close()
        let error = try await postgresError { try await connection.query("SELECT 1") }
        guard case .unavailable = error.kind else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func theOptionsOfTheURLAreKept() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let connection = try connect(conninfo + " options='-c work_mem=5MB'")
        #expect(try await connection.query("SHOW work_mem")[0].string(0) == "5MB")
    }

    @Test func poolLendsInTheOrderOfAsking() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let pool = PostgresPool(url: try PostgresURL(conninfo), size: 2, applicationName: "pool", logger: .silent)
        let backends = try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<50 {
                group.addTask { try await pool.query("SELECT pg_backend_pid() FROM pg_sleep(0.002)")[0].int64(0) }
            }
            return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
        }
        #expect((1...2).contains(backends.count))

        let single = PostgresPool(url: try PostgresURL(conninfo), size: 1, applicationName: "single", logger: .silent)
        let order = Recorder()
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await single.withConnection { _ in
                for n in 0..<10 {
                    let started = AsyncStream.makeStream(of: Void.self)
                    group.addTask {
                        started.continuation.finish()
                        try await single.withConnection { _ in await order.add(n) }
                    }
                    for await _ in started.stream {}
                    // The task has called the pool when a later call to it is answered.
                    try await waitForQueue(of: single, toReach: n + 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(await order.values == Array(0..<10))
    }

    @Test func aPoolWithoutFreeConnectionsSaysSo() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let pool = PostgresPool(
            url: try PostgresURL(conninfo), size: 1, applicationName: "pool", timeout: .milliseconds(500), logger: .silent)
        try await pool.withConnection { _ in
            let error = try await postgresError { try await pool.query("SELECT 1") }
            guard case .unavailable = error.kind else {
            Issue.record("\(error)")
            return
        }
        }
        let one = try await pool.transaction { try await $0.query("SELECT 1")[0].int(0) }
        #expect(one == 1)
    }

    private func waitForQueue(of pool: PostgresPool, toReach length: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while await pool.waiting < length {
            guard ContinuousClock.now < deadline else { throw NeverTrue(condition: "\(length) waiting") }
            await Task.yield()
        }
    }
}

private actor Recorder {
    private(set) var values: [Int] = []
    func add(_ value: Int) { values.append(value) }
}
