import BerthTestKit
import Dispatch
import Engines
import FleetModel
import Foundation
import Logging
import Synchronization
import Testing

@testable import EngineHost

/// What is known of a group should its host end in the middle.
@Suite(.timeLimit(.minutes(1)))
struct GroupWatchTests {
    /// Remembers which requests were begun together.
    private final class Record: ExecutionWatch {
        private let works = Mutex<[[UInt64]]>([])

        func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?, for request: (any RunningRequest)?) -> Int {
            works.withLock { $0.append(calls) }
            return 0
        }
        func ended(_ work: Int) {}

        func takeCalls() -> [[UInt64]] {
            works.withLock { works in
                defer { works = [] }
                return works.filter { !$0.isEmpty }
            }
        }
    }

    /// One that waits in a group behind others has not begun before its turn: it is made again, and not told that nobody knows.
    @Test func requestsOfAGroupBeginOneAfterTheOther() async throws {
        let record = Record(), pool = EnginePool(threads: 1), directory = FileManager.default.temporaryDirectory.path + "/berth-group-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let host = ThreadHost(
            engines: EngineSet([SQLiteEngine()]), pool: pool, blockingWork: .threads, settings: HostSettings(), clock: BootClock(),
            gate: { true }, watch: record, logger: Logger(label: "test"))
        let database = try await host.openNew(in: directory)
        _ = await database.serve(HostFixture.call("CREATE TABLE t (v)"))
        _ = record.takeCalls()
        // Its lane is busy, so that all of them wait together.
        let lane = DispatchSemaphore(value: 0)
        let holding = Task { await database.hold(until: lane) }
        try await becomesTrue("the lane is busy") { !database.lane.isIdle }
        let calls = (1...4).map { number in
            Task {
                var call = HostFixture.call("INSERT INTO t VALUES (\(number))")
                call.id = UInt64(number)
                return await database.serve(call)
            }
        }
        try await becomesTrue("all wait") { database.inbox.count == 4 }
        lane.signal()
        await holding.value
        for call in calls { #expect(try await call.value.content.get().status == 200) }
        let begun = record.takeCalls()
        #expect(begun.count == 4 && begun.allSatisfy { $0.count == 1 }, "\(begun)")
        #expect(Set(begun.flatMap(\.self)) == [1, 2, 3, 4])
        _ = await database.close(clean: false, because: BerthError(.notLeader, "the test is over"))
        await pool.shutdown()
    }
}

extension OpenDatabase {
    fileprivate func hold(until isOver: DispatchSemaphore) { isOver.wait() }
}
