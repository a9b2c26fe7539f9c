public import FleetModel
import Synchronization

/// Something with deadlines to watch.
public protocol Expiring: AnyObject, Sendable {
    /// Ends what has waited too long.
    ///
    /// - Returns: whether there is anything left to watch.
    func expire() async -> Bool

    var needsAttention: Bool { get async }
}

/// Databases with something that can expire. One task watches them all; a database without streams and waiters is not
/// in here, so an idle one costs no timer. None of them waits for another one's answer.
public final class AttentionSet: Sendable {
    private struct Watched {
        var subject: any Expiring
        /// Those that came first are looked at first, in every run alike.
        var order: UInt64
        /// It was asked, and has not answered.
        var isAsked = false
    }

    private struct State {
        /// By identity: what a former tenant of a database no longer needs, the present one may.
        var subjects: [ObjectIdentifier: Watched] = [:]
        var nextOrder: UInt64 = 0
    }

    private let state = Mutex(State())
    private let wakeup = Wakeup()

    public init() {}

    public func insert(_ subject: any Expiring) {
        let wasEmpty = state.withLock { state in
            let wasEmpty = state.subjects.isEmpty
            if state.subjects[ObjectIdentifier(subject)] == nil {
                state.subjects[ObjectIdentifier(subject)] = Watched(subject: subject, order: state.nextOrder)
                state.nextOrder += 1
            }
            return wasEmpty
        }
        if wasEmpty { wakeup.signal() }
    }

    /// Watches until cancelled: every `interval` while there is something to watch.
    public func run(every interval: Duration, clock: any FleetClock) async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                if state.withLock({ $0.subjects.isEmpty }) {
                    await wakeup.wait(clock: clock)
                    continue
                }
                do { try await clock.sleep(for: interval) } catch { return }
                for subject in takeUnasked() { group.addTask { await self.ask(subject) } }
            }
        }
    }

    private func takeUnasked() -> [any Expiring] {
        state.withLock { state in
            let unasked = state.subjects.filter { !$0.value.isAsked }.sorted { $0.value.order < $1.value.order }
            for (id, _) in unasked { state.subjects[id]?.isAsked = true }
            return unasked.map(\.value.subject)
        }
    }

    private func ask(_ subject: any Expiring) async {
        let id = ObjectIdentifier(subject)
        if await subject.expire() {
            state.withLock { $0.subjects[id]?.isAsked = false }
            return
        }
        // It may have become interesting again between its answer and now: then it has inserted itself anew.
        state.withLock { _ = $0.subjects.removeValue(forKey: id) }
        if await subject.needsAttention { insert(subject) }
    }
}
