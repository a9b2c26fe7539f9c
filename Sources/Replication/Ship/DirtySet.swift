import DequeModule
import FleetModel
import Synchronization

/// The databases with something to ship, in the order they became dirty. Idle databases are not in it and cost nothing.
///
/// A source is known by its identity, not by its database: after a lease was lost and acquired anew, the mark of the
/// former source must not pass for one of the present.
final class DirtySet: Sendable {
    private struct State {
        var queue: Deque<any Shippable> = []
        var members: Set<ObjectIdentifier> = []
        var isUrgent = false
    }

    private let state = Mutex(State())
    let wakeup = Wakeup()

    func insert(_ source: any Shippable, urgent: Bool) {
        let wakes = state.withLock { state in
            let wasEmpty = state.queue.isEmpty
            if state.members.insert(ObjectIdentifier(source)).inserted { state.queue.append(source) }
            let becameUrgent = urgent && !state.isUrgent
            state.isUrgent = state.isUrgent || urgent
            return wasEmpty || becameUrgent
        }
        if wakes { wakeup.signal() }
    }

    var isEmpty: Bool { state.withLock { $0.queue.isEmpty } }
    var isUrgent: Bool { state.withLock { $0.isUrgent } }

    /// Takes the one that has waited longest.
    func takeFirst() -> (any Shippable)? {
        state.withLock { state in
            guard let first = state.queue.popFirst() else { return nil }
            let wasMember = state.members.remove(ObjectIdentifier(first)) != nil
            invariant(wasMember && state.members.count == state.queue.count, "a source waits twice to be shipped")
            return first
        }
    }

    /// How many wait now: a bundle takes no more than these, so that none is taken twice.
    func beginBundle() -> Int {
        state.withLock { state in
            state.isUrgent = false
            return state.queue.count
        }
    }
}
