import BerthTestKit
import Dispatch
import Engines
import FleetModel
import Synchronization
import Testing

@testable import EngineHost
@testable import WorkerNode

extension Tenant {
    /// Makes `calls` while the tenant's lane is occupied, so that all of them wait for it at once, in their order.
    ///
    /// - Parameter meanwhile: runs once the lane is free again, before the calls are waited for. Nothing else may come to the
    ///   lane before that: whoever moves the tenant's clock does it here.
    /// - Returns: how each ended.
    nonisolated func together<Value: Sendable>(
        _ calls: [@Sendable () async throws -> Value], meanwhile: () async throws -> Void = {}
    ) async throws -> [Result<Value, any Error>] {
        let lane = OccupiedLane()
        let database = try #require(opened)
        let occupation = Task { await database.occupy(lane) }
        try await becomesTrue("the lane is occupied") { lane.isOccupied }
        var tasks: [Task<Value, any Error>] = []
        let answered = Answered()
        for call in calls {
            tasks.append(
                Task { @Sendable in
                    defer { answered.add() }
                    return try await call()
                })
            // Those that may share a transaction are in the inbox, and one job for all of them is on the lane. A closed gate lets none through.
            try await becomesTrue("call \(tasks.count) waits, or is refused") {
                let waiting = database.inbox.count
                return waiting + database.lane.queuedJobs - (waiting > 0 ? 1 : 0) + answered.count >= tasks.count
            }
        }
        lane.leave()
        await occupation.value
        try await meanwhile()
        var results: [Result<Value, any Error>] = []
        for task in tasks { results.append(await task.result) }
        return results
    }

}

extension OpenDatabase {
    fileprivate func occupy(_ lane: OccupiedLane) { lane.stay() }
}

/// Calls that have ended.
private final class Answered: Sendable {
    private let number = Atomic(0)
    var count: Int { number.load(ordering: .relaxed) }
    func add() { number.add(1, ordering: .relaxed) }
}

/// Keeps the thread that runs a lane until it is told to leave.
private final class OccupiedLane: Sendable {
    private let door = DispatchSemaphore(value: 0)
    private let occupied = DispatchSemaphore(value: 0)

    var isOccupied: Bool { occupied.wait(timeout: .now()) == .success }

    func stay() {
        occupied.signal()
        door.wait()
    }

    func leave() { door.signal() }
}
