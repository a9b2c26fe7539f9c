public import FleetModel
public import FleetStore
import Synchronization

extension RouteTable {
    /// Returns once somebody leads `name`.
    ///
    /// Hints wake it; besides, the store is asked every `limits.lookInterval`, because hints get lost.
    ///
    /// - Parameters:
    ///   - epoch: only a leader of a newer epoch will do.
    ///   - deadline: on the clock of this table.
    /// - Throws: `leader_unavailable` at the deadline or when cancelled, `too_many_requests` when as many wait already
    ///   as may, `database_not_found`.
    public func waitForLeader(
        of name: DatabaseName, newerThan epoch: Epoch? = nil, until deadline: Duration
    ) async throws(BerthError) -> RouteRecord {
        let wakeup = Wakeup()
        let id: Int? = state.withLock { state in
            guard state.waiting.waitersForLeaders < limits.waiters else { return nil }
            return enter(name, wakeup, counts: true, in: &state)
        }
        guard let id else {
            throw BerthError(
                .tooManyRequests, "\(limits.waiters) requests wait for a leader already. Try again in a moment.")
        }
        defer { state.withLock { $0.waiting.leave(name, id, counts: true) } }

        while true {
            let now = clock.now()
            let upcoming = state.withLock { state in
                step(name, newerThan: epoch, now: now, deadline: deadline, in: &state)
            }
            switch upcoming {
            case .done(let record): return record
            case .missing: throw Self.notFound(name)
            case .wait(let until):
                guard now < deadline, !Task.isCancelled else {
                    throw BerthError(
                        .leaderUnavailable, "Nobody led “\(name)” in time. It may be moving or failing over; try again.")
                }
                await wakeup.wait(until: until, clock: clock)
            }
        }
    }

    /// Returns when the route to `name` may be another than `seen`, at the deadline, or when cancelled.
    ///
    /// It asks nobody: whoever is woken looks the route up again.
    ///
    /// - Returns: whether it waited; `false` when the route was in doubt already.
    @discardableResult
    public func waitForNews(of name: DatabaseName, since seen: RouteRecord?, until deadline: Duration) async -> Bool {
        let wakeup = Wakeup()
        let now = clock.now()
        let id: Int? = state.withLock { state in
            let entry = state.book.entry(name)
            guard entry?.record == seen, entry.map({ state.book.isCurrent($0, now: now) }) ?? true else { return nil }
            return enter(name, wakeup, counts: false, in: &state)
        }
        guard let id else { return false }
        defer { state.withLock { $0.waiting.leave(name, id, counts: false) } }
        await wakeup.wait(until: deadline, clock: clock)
        return true
    }

    private enum Step {
        case done(RouteRecord)
        case missing
        case wait(until: Duration)
    }

    private func enter(_ name: DatabaseName, _ wakeup: Wakeup, counts: Bool, in state: inout State) -> Int {
        let now = clock.now()
        let confirmed = state.book.entry(name).flatMap { state.book.isCurrent($0, now: now) ? $0.lookedUpAt : nil }
        return state.waiting.enter(
            name, wakeup, nextLook: confirmed.map { $0 + limits.lookInterval } ?? .zero, counts: counts)
    }

    private func step(
        _ name: DatabaseName, newerThan epoch: Epoch?, now: Duration, deadline: Duration, in state: inout State
    ) -> Step {
        switch state.book.answer(to: name, now: now) {
        case .known(let record) where record.hasLeader && epoch.map({ record.epoch > $0 }) ?? true:
            return .done(record)
        case .missing: return .missing
        case .known, .unknown: break
        }
        if state.flights[name] == nil, now < deadline, now >= state.waiting.nextLook(of: name) ?? .zero {
            state.waiting.looking(up: name, next: now + limits.lookInterval)
            look(up: name, now: now, in: &state)
        }
        // A look-up that lands wakes everybody.
        guard state.flights[name] == nil, let next = state.waiting.nextLook(of: name) else { return .wait(until: deadline) }
        return .wait(until: min(deadline, next))
    }
}
