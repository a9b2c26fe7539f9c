import FleetModel
import Synchronization

/// A request that waits for the next transaction of its database.
struct GroupRequest: Sendable {
    enum Outcome: Sendable {
        case answered(GroupResults, Basis)
        /// Nothing of it was kept: it is to be carried out by itself.
        case standsAlone
    }

    let shared: ShareableRequests
    let call: ParsedCall
    let end: RequestEnd
    let continuation: CheckedContinuation<Outcome, Never>
}

/// Where requests wait for a transaction to share. Filled from any thread: neither coming nor going costs them a turn of
/// the database's lane, only the group as a whole does.
final class GroupInbox: Sendable {
    private struct State {
        var waiting: [GroupRequest] = []
        /// A job that carries them out is on its way, or at work.
        var isScheduled = false
    }

    private let state = Mutex(State())

    var isEmpty: Bool { state.withLock { $0.waiting.isEmpty } }
    var count: Int { state.withLock { $0.waiting.count } }

    /// - Returns: whether the caller has to send a job to the lane.
    func put(_ request: GroupRequest) -> Bool {
        state.withLock { state in
            state.waiting.append(request)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
    }

    /// Those that came first.
    func take(atMost limit: Int) -> [GroupRequest] {
        state.withLock { state in
            guard state.waiting.count > limit else {
                defer { state.waiting = [] }
                return state.waiting
            }
            defer { state.waiting.removeFirst(limit) }
            return Array(state.waiting[..<limit])
        }
    }

    /// Ends a job. `requests` go on waiting, before everybody else.
    ///
    /// - Returns: whether another job has to follow.
    func finish(leaving requests: ArraySlice<GroupRequest>) -> Bool {
        state.withLock { state in
            state.waiting.insert(contentsOf: requests, at: 0)
            state.isScheduled = !state.waiting.isEmpty
            return state.isScheduled
        }
    }
}
