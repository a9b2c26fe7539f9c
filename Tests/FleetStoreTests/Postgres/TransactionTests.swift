import BerthTestKit
import FleetModel
import FleetStore
import Testing

@Suite(.timeLimit(.minutes(2)))
struct PostgresTransactionTests {
    @Test func commitsAndRollsBack() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int8)")
        let count = try await connection.transaction { transaction in
            _ = try await transaction.query("INSERT INTO t VALUES (1), (2)")
            return try await transaction.query("SELECT count(*) FROM t")[0].int(0)
        }
        #expect(count == 2)
        await #expect(throws: NoError.self) {
            try await connection.transaction { transaction in
                _ = try await transaction.query("DELETE FROM t")
                throw NoError()
            }
        }
        #expect(try await connection.query("SELECT count(*) FROM t")[0].int(0) == 2)
    }

    @Test func nobodyElsesStatementRunsInside() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int8)")
        // Fifty intruders want in while the transaction pauses; all of it is rolled back, none of theirs may be.
        try await withThrowingTaskGroup(of: Void.self) { group in
            do {
                try await connection.transaction { transaction in
                    for n in 0..<50 {
                        group.addTask { _ = try await connection.query("INSERT INTO t VALUES ($1)", [.int8(Int64(n))]) }
                        await Task.yield()
                        _ = try await transaction.query("INSERT INTO t VALUES (-1)")
                    }
                    throw NoError()
                }
            } catch is NoError {}
            try await group.waitForAll()
        }
        let row = try await connection.query("SELECT count(*) AS n, min(n) AS low FROM t")[0]
        #expect(try row.int("n") == 50)
        #expect(try row.int64("low") == 0)
    }

    @Test func concurrentTransactionsOnOneConnectionTakeTurns() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int8); INSERT INTO t VALUES (0)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await connection.transaction { transaction in
                        let n = try await transaction.query("SELECT n FROM t")[0].int64(0)
                        await Task.yield()
                        _ = try await transaction.query("UPDATE t SET n = $1", [.int8(n + 1)])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await connection.query("SELECT n FROM t")[0].int64(0) == 40)
    }

    @Test func waitingForATurnEndsUnsent() async throws {
        let connection = try await connect()
        try await connection.transaction { _ in
            let error = try await postgresError { try await connection.query("SELECT 1", timeout: .milliseconds(50)) }
            guard case .unavailable = error.kind else {
            Issue.record("\(error)")
            return
        }
            #expect(error.outcome == .notApplied)
        }
        #expect(try await connection.query("SELECT 1")[0].int64(0) == 1)
    }

    @Test func aSwallowedErrorDoesNotCommit() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int8)")
        let error = try await postgresError {
            try await connection.transaction { transaction in
                _ = try await transaction.query("INSERT INTO t VALUES (1)")
                _ = try? await transaction.query("SELECT 1 / 0")
            }
        }
        #expect(error.sqlState == "25P02")
        #expect(error.outcome == .notApplied)
        #expect(try await connection.query("SELECT count(*) FROM t")[0].int(0) == 0)
    }

    @Test func aConnectionLostInsideWasNotApplied() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let connection = try connect(conninfo)
        let other = try connect(conninfo)
        try await connection.script("CREATE TABLE t (n int8)")
        let error = try await postgresError {
            try await connection.transaction { transaction in
                _ = try await transaction.query("INSERT INTO t VALUES (1)")
                let pid = try await transaction.query("SELECT pg_backend_pid()")[0].int64(0)
                _ = try await other.query("SELECT pg_terminate_backend($1::int4)", [.int8(pid)])
                try await waitUntil(other, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])
                // Even a body that does not care must not get its second half committed alone.
                _ = try? await transaction.query("INSERT INTO t VALUES (2)")
                _ = try? await transaction.query("INSERT INTO t VALUES (3)")
            }
        }
        #expect(error.outcome == .notApplied)
        #expect(try await connection.query("SELECT count(*) FROM t")[0].int(0) == 0)
    }

    @Test func aCommitWithoutReplyHasAnUnknownOutcome() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let connection = try connect(conninfo)
        try await connection.script(
            """
            CREATE TABLE t (n int8);
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();
            """)
        let error = try await postgresError {
            try await connection.transaction(timeout: .milliseconds(200)) { transaction in
                _ = try await transaction.query("INSERT INTO t VALUES (1)")
            }
        }
        #expect(error.kind == .timedOut(after: .milliseconds(200)))
        #expect(error.outcome == .unknown)
    }

    @Test func aTransactionIsOfNoUseAfterItsEnd() async throws {
        let connection = try await connect()
        let kept = try await connection.transaction { $0 }
        let error = try await postgresError { try await kept.query("SELECT 1") }
        guard case .refused = error.kind else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func transactionsByStatementAreRefused() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int8)")
        let begun = try await postgresError { try await connection.query("BEGIN") }
        guard case .refused = begun.kind else {
            Issue.record("\(begun)")
            return
        }
        let ended = try await postgresError {
            try await connection.transaction { transaction in
                try await transaction.script("INSERT INTO t VALUES (1); COMMIT")
            }
        }
        #expect(ended.outcome == .unknown)
        #expect(try await connection.query("SELECT 1")[0].int(0) == 1)
    }

    @Test func deadlocksAndSerializationFailuresAreTold() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let (one, two) = (try connect(conninfo), try connect(conninfo))
        try await one.script("CREATE TABLE t (id int8, n int8); INSERT INTO t VALUES (1, 0), (2, 0)")
        let lock = "SELECT * FROM t WHERE id = $1 FOR UPDATE"
        let pid = try await backend(of: two)
        let observer = try connect(conninfo)
        var first: PostgresError?
        var second: Task<PostgresError?, Never>?
        do {
            try await one.transaction { transaction in
                _ = try await transaction.query(lock, [1])
                second = Task {
                    do {
                        try await two.transaction { transaction in
                            _ = try await transaction.query(lock, [2])
                            _ = try await transaction.query(lock, [1])
                        }
                        return nil
                    } catch { return error as? PostgresError }
                }
                try await waitUntil(
                    observer, "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])
                _ = try await transaction.query(lock, [2])
            }
        } catch { first = error as? PostgresError }
        let failures = [first, await second?.value].compactMap { $0 }
        #expect(failures.count == 1 && failures[0].isDeadlock)
        let conflict = try await postgresError {
            try await one.transaction { transaction in
                try await transaction.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                _ = try await transaction.query("SELECT * FROM t")
                _ = try await observer.query("UPDATE t SET n = n + 1")
                _ = try await transaction.query("UPDATE t SET n = n + 1")
            }
        }
        #expect(conflict.isSerializationFailure)
        #expect(conflict.berthError.code == .storeUnavailable)
    }
}
