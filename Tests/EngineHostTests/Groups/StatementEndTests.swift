import BerthTestKit
import Engines
import FleetModel
import Foundation
import Logging
import Synchronization
import Testing

@testable import EngineHost

/// How statements end before they are done, in a host on a clock of the test's.
@Suite(.timeLimit(.minutes(1)))
struct StatementEndTests {
    /// Remembers whose work is being carried out.
    private final class Running: ExecutionWatch {
        private let requests = Mutex<[any RunningRequest]>([])

        func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?, for request: (any RunningRequest)?) -> Int {
            if let request { requests.withLock { $0.append(request) } }
            return 0
        }
        func ended(_ work: Int) { requests.withLock { $0 = [] } }

        var any: (any RunningRequest)? { requests.withLock { $0.last } }
    }

    private static let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    private static let endlessWrite = "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    private func withDatabase(_ body: (OpenDatabase, ManualClock, Running) async throws -> Void) async throws {
        let running = Running(), pool = EnginePool(threads: 2), clock = ManualClock()
        let directory = FileManager.default.temporaryDirectory.path + "/berth-ends-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var settings = HostSettings()
        // Only its statements have a time.
        settings.requestTimeout = .seconds(1_000_000)
        let host = ThreadHost(
            engines: EngineSet([SQLiteEngine()]), pool: pool, blockingWork: .threads, settings: settings, clock: clock, gate: { true },
            watch: running, logger: Logger(label: "test"))
        let database = try await host.openNew(in: directory)
        _ = await database.serve(HostFixture.call("CREATE TABLE t (v)"))
        try await body(database, clock, running)
        _ = await database.close(clean: false, because: BerthError(.notLeader, "the test is over"))
        await pool.shutdown()
    }

    @Test(arguments: [endless, endlessWrite]) func aStatementEndsAtItsDeadlineOnTheClockOfItsHost(_ sql: String) async throws {
        try await withDatabase { database, clock, running in
            let answer = Task { await database.serve(HostFixture.call(sql)) }
            try await becomesTrue("it runs") { running.any != nil }
            // It may only be about to begin, and has its whole time from then on.
            let moving = Task {
                while !Task.isCancelled {
                    clock.advance(by: HostSettings().statementTimeout + .seconds(1))
                    await Task.yield()
                }
            }
            #expect(try HostFixture.text(await answer.value).contains("SQLITE_INTERRUPT"))
            moving.cancel()
            await moving.value
            #expect(try HostFixture.text(await database.serve(HostFixture.call("SELECT count(*) FROM t"))).contains("\"0\""))
        }
    }

    /// Its client is told why, in a group and beside the writer too, and the others go on.
    @Test(arguments: [[endless], [endlessWrite], ["INSERT INTO t VALUES (1)", endlessWrite, "INSERT INTO t VALUES (2)"]])
    func aRequestThatGivesWayIsToldWhy(_ statements: [String]) async throws {
        try await withDatabase { database, _, running in
            let answer = Task { await database.serve(HostFixture.pipeline(statements)) }
            try await becomesTrue("it runs") { running.any != nil }
            var given = running.any
            let giving = Task {
                // The last of its statements is reached sometime.
                while !Task.isCancelled {
                    given?.giveWay()
                    given = running.any
                    await Task.yield()
                }
            }
            let text = try HostFixture.text(await answer.value)
            giving.cancel()
            await giving.value
            #expect(text.contains("MEMORY_EXCEEDED"), "\(text)")
            #expect(!text.contains("SQLITE_INTERRUPT"), "\(text)")
            #expect(try HostFixture.text(await database.serve(HostFixture.call("SELECT 'well'"))).contains("well"))
        }
    }
}
