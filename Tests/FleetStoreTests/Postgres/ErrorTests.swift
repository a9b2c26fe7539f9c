import BerthTestKit
import FleetModel
import FleetStore
import LocalFleet
import Testing

/// What is known after a failure, from real failures of a real server.
@Suite(.timeLimit(.minutes(2)))
struct PostgresErrorTests {
    @Test func uniqueViolationNamesItsConstraint() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (id int8 CONSTRAINT t_key PRIMARY KEY)")
        _ = try await connection.query("INSERT INTO t VALUES ($1)", [1])
        let error = try await postgresError { try await connection.query("INSERT INTO t VALUES ($1)", [1]) }
        #expect(error.isUniqueViolation)
        #expect(error.constraint == "t_key")
        #expect(error.outcome == .notApplied)
        #expect(error.berthError.code == .internalError)
        #expect(try await connection.query("SELECT count(*) FROM t")[0].int64(0) == 1)
    }

    @Test func aDeferredConstraintFailsAtTheCommit() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (id int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        let error = try await postgresError {
            try await connection.query("INSERT INTO t SELECT 1 FROM generate_series(1, 2)")
        }
        #expect(error.isUniqueViolation)
        #expect(try await connection.query("SELECT * FROM t").isEmpty)
    }

    @Test func syntaxErrorsAndMissingTables() async throws {
        let connection = try await connect()
        #expect(try await postgresError { try await connection.query("SELEKT 1") }.sqlState == "42601")
        let missing = try await postgresError { try await connection.query("SELECT * FROM nowhere") }
        #expect(missing.sqlState == "42P01")
        #expect(missing.berthError.code == .schemaMismatch)
        #expect(missing.berthError.message.contains("berth migrate"))
        #expect(try await connection.query("SELECT 1")[0].int64(0) == 1)
    }

    @Test func aBackendEndedInTheMiddleOfAStatementLeavesItsOutcomeUnknown() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let victim = try connect(conninfo)
        let other = try connect(conninfo)
        let pid = try await backend(of: victim)
        async let failure = postgresError { try await victim.query("SELECT pg_sleep(30)", timeout: .seconds(40)) }
        try await waitUntil(other, "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])
        _ = try await other.query("SELECT pg_terminate_backend($1::int4)", [.int8(pid)])
        let error = try await failure
        guard case .lost = error.kind else {
            Issue.record("\(error)")
            return
        }
        #expect(error.outcome == .unknown)
        #expect(error.berthError.code == .outcomeUnknown)
        #expect(try await backend(of: victim) != pid)
    }

    @Test func anIdleConnectionThatWasEndedIsReplacedUnnoticed() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let victim = try connect(conninfo)
        let other = try connect(conninfo)
        let pid = try await backend(of: victim)
        _ = try await other.query("SELECT pg_terminate_backend($1::int4)", [.int8(pid)])
        try await waitUntil(other, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])
        #expect(try await backend(of: victim) != pid)
    }

    @Test func aTimeoutClosesTheConnectionAndTheNextStatementOpensAnother() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let connection = try connect(conninfo)
        let pid = try await backend(of: connection)
        let error = try await postgresError {
            try await connection.query("SELECT pg_sleep(20)", timeout: .milliseconds(100))
        }
        #expect(error.kind == .timedOut(after: .milliseconds(100)))
        #expect(error.outcome == .unknown)
        #expect(try await backend(of: connection) != pid)
        // The server gives up a little later instead of sleeping on for nobody.
        try await waitUntil(connection, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])
    }

    @Test func aLongerTimeoutIsKnownToTheServerToo() async throws {
        let connection = try await connect(timeout: .milliseconds(200))
        _ = try await connection.query("SELECT pg_sleep(1)", timeout: .seconds(20))
        let error = try await postgresError { try await connection.query("SELECT pg_sleep(5)") }
        #expect(error.kind == .timedOut(after: .milliseconds(200)))
    }

    @Test func aStoppedServerIsUnavailableAndAStartedOneIsBack() async throws {
        try await DisposablePostgres.run { server in
            let connection = try connect(server.conninfo())
            _ = try await connection.query("SELECT 1")
            await server.stop()
            let error = try await postgresError { try await connection.query("SELECT 1") }
            guard case .unavailable = error.kind else {
            Issue.record("\(error)")
            return
        }
            #expect(error.outcome == .notApplied)
            #expect(error.berthError.code == .storeUnavailable)
            #expect(error.berthError.message.contains(server.configuration.socketDirectory))
            try await server.start()
            #expect(try await connection.query("SELECT 2")[0].int64(0) == 2)
            await server.kill()
            try await server.start()
            #expect(try await connection.query("SELECT 3")[0].int64(0) == 3)
        }
    }

    @Test func aCommitThatDidNotWaitForItsStandbyIsNoSuccess() async throws {
        try await DisposablePostgres.run { server in
            let observer = try connect(server.conninfo() + " options='-c synchronous_commit=off'")
            try await observer.script("CREATE TABLE t (n int8)")
            _ = try await observer.query("ALTER SYSTEM SET synchronous_standby_names = 'absent'")
            _ = try await observer.query("SELECT pg_reload_conf()")
            let writer = try connect(server.conninfo() + " options='-c synchronous_commit=on'")
            let pid = try await backend(of: writer)
            try await waitUntil(writer, "SELECT current_setting('synchronous_standby_names') = 'absent'")
            async let failure = postgresError { try await writer.query("INSERT INTO t VALUES (1)", timeout: .seconds(30)) }
            try await waitUntil(observer, "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])
            _ = try await observer.query("SELECT pg_cancel_backend($1::int4)", [.int8(pid)])
            // Postgres itself answers this INSERT with success.
            #expect(try await failure.outcome == .unknown)
        }
    }

    @Test func nothingCanBeSentThatPostgresCannotStore() async throws {
        let connection = try await connect()
        for attempt in [PostgresValue.text("a\u{0}b"), .array(["a\u{0}b"])] {
            let error = try await postgresError { try await connection.query("SELECT $1::text", [attempt]) }
            guard case .refused = error.kind else {
            Issue.record("\(error)")
            return
        }
            #expect(error.outcome == .notApplied)
        }
    }

    @Test func aPasswordIsNeverShown() throws {
        let url = try PostgresURL("postgres://berth:s3cret@db.example:6543/fleet")
        #expect("\(url)" == "berth@db.example:6543/fleet")
        var dumped = ""
        dump(url, to: &dumped)
        #expect(!String(reflecting: url).contains("s3cret") && !dumped.contains("s3cret"))
        let error = #expect(throws: BerthError.self) { try PostgresURL("host=db password='s3cret") }
        #expect(error?.code == .configurationInvalid)
        #expect(error?.message.contains("s3cret") == false)
    }

    @Test func anUnreachableHostIsUnavailable() async throws {
        let connection = try connect("host=/nonexistent dbname=x user=y password=s3cret")
        let error = try await postgresError { try await connection.query("SELECT 1") }
        guard case .unavailable = error.kind else {
            Issue.record("\(error)")
            return
        }
        #expect(error.berthError.message.contains("/nonexistent"))
        #expect(!error.berthError.message.contains("s3cret"))
    }
}
