public import FleetModel
public import FleetStore
import Metrics
import Synchronization

/// Which node leads which database, as far as this process knows: filled on demand, kept while nothing speaks against it.
///
/// A cache, never an authority: whoever is asked decides again (a node that does not lead answers 421). There is one
/// look-up per name at a time, however many callers ask. Start here; the rules are in `RouteBook`, waiting for a leader
/// is in `RouteTable+Waiting.swift`.
public final class RouteTable: Sendable {
    struct State {
        var book: RouteBook
        /// Look-ups under way.
        var looks: [DatabaseName: RouteBook.Look] = [:]
        var flights: [DatabaseName: Flight] = [:]
        var waiting = WaitingList()
    }

    typealias Flight = Task<Result<RouteRecord, BerthError>, Never>

    let clock: any FleetClock
    public let limits: RouteLimits
    let state: Mutex<State>
    private let source: any RouteSource
    private let cachedRoutes = Gauge(label: "berth_routes_cached")

    public init(source: any RouteSource, clock: any FleetClock, limits: RouteLimits = RouteLimits()) {
        self.source = source
        self.clock = clock
        self.limits = limits
        self.state = Mutex(State(book: RouteBook(limits: limits)))
    }

    /// Where `name` is served; without a leader when nobody serves it right now.
    ///
    /// While the store cannot be read, a route that was known before is still given.
    ///
    /// - Parameter maximumAge: look it up again when the last look-up was started longer ago.
    /// - Throws: `database_not_found`, or `store_unavailable` when nothing was known.
    public func route(
        to name: DatabaseName, maximumAge: Duration? = nil
    ) async throws(BerthError) -> RouteRecord {
        let notBefore = maximumAge.map { clock.now() - $0 }
        // A look-up that was under way already may be too old; the second one is not.
        for _ in 0..<2 {
            let flight: Flight
            let last: RouteRecord?
            let startedAt: Duration
            switch state.withLock({ next(for: name, notBefore: notBefore, in: &$0) }) {
            case .known(let record): return record
            case .missing: throw Self.notFound(name)
            case .look(let under, let since, let known): (flight, startedAt, last) = (under, since, known)
            }
            switch await flight.value {
            case .success(let record):
                if let notBefore, startedAt < notBefore { continue }
                return state.withLock { $0.book.entry(name)?.record } ?? record
            case .failure(let error):
                if error.code != .databaseNotFound, let last, last.hasLeader { return last }
                throw error
            }
        }
        throw BerthError(.storeUnavailable, "The route to “\(name)” could not be looked up in time. Try again.")
    }

    /// What is known of `name` without asking anybody; it may be out of date.
    public func lastKnown(_ name: DatabaseName) -> RouteRecord? {
        state.withLock { $0.book.entry(name)?.record }
    }

    /// Takes over what a node said of the leader, if that is newer than what is known.
    ///
    /// - Returns: whether the route changed.
    @discardableResult
    public func learn(_ hint: NotLeaderHint, about name: DatabaseName) -> Bool {
        let (learned, wakeups) = state.withLock { state in
            let learned = state.book.learn(hint, about: name)
            return (learned, state.waiting.news { $0 == name })
        }
        for wakeup in wakeups { wakeup.signal() }
        return learned
    }

    // MARK: Hints

    /// Doubts routes as the store's hints suggest, until there are no more hints.
    public func run(hints: AsyncStream<StoreHint>) async {
        for await hint in hints {
            switch hint {
            case .leases(let ids?): invalidate(ids)
            case .leases(nil), .sessions, .everything: invalidateAll()
            case .placements, .operations: break
            }
        }
    }

    /// Looks these databases up again when they are asked for next, at once for those who wait for them.
    public func invalidate(_ ids: [DatabaseID]) {
        let wakeups = state.withLock { state in
            state.book.invalidate(ids, looks: &state.looks)
            let book = state.book
            return state.waiting.news { name in
                guard let record = book.entry(name)?.record else { return true }
                return ids.contains(record.database)
            }
        }
        for wakeup in wakeups { wakeup.signal() }
    }

    /// A route that was used at `used`, on the clock of this table, led nowhere: it is looked up again when it is asked
    /// for next, unless it was since.
    public func doubt(_ route: RouteRecord, used: Duration) {
        state.withLock { $0.book.doubt(route, used: used, looks: &$0.looks) }
    }

    public func invalidateAll() {
        let wakeups = state.withLock { state in
            state.book.invalidateAll()
            return state.waiting.news { _ in true }
        }
        for wakeup in wakeups { wakeup.signal() }
    }

    // MARK: Looking up

    private enum Next {
        case known(RouteRecord)
        case missing
        case look(Flight, since: Duration, last: RouteRecord?)
    }

    private func next(for name: DatabaseName, notBefore: Duration?, in state: inout State) -> Next {
        let now = clock.now()
        switch state.book.answer(to: name, now: now, notBefore: notBefore) {
        case .known(let record): return .known(record)
        case .missing: return .missing
        case .unknown(let last):
            let flight = look(up: name, now: now, in: &state)
            return .look(flight, since: state.looks[name]?.startedAt ?? now, last: last)
        }
    }

    /// Joins the look-up of `name` under way, or starts one.
    @discardableResult
    func look(up name: DatabaseName, now: Duration, in state: inout State) -> Flight {
        if let flight = state.flights[name] { return flight }
        state.looks[name] = state.book.beginLook(now: now)
        let flight = Flight { [source] in
            let result: Result<RouteRecord, BerthError>
            do throws(BerthError) { result = .success(try await source.route(to: name)) } catch { result = .failure(error) }
            self.landed(name, result)
            return result
        }
        state.flights[name] = flight
        return flight
    }

    private func landed(_ name: DatabaseName, _ result: Result<RouteRecord, BerthError>) {
        let now = clock.now()
        let (wakeups, count) = state.withLock { state in
            state.flights[name] = nil
            if let look = state.looks.removeValue(forKey: name) {
                switch result {
                case .success(let record): state.book.finish(look, found: record)
                case .failure(let error) where error.code == .databaseNotFound:
                    state.book.finish(look, missing: name)
                case .failure: state.book.fail(name, now: now)
                }
            }
            return (state.waiting.wakeups(for: name), state.book.count)
        }
        cachedRoutes.record(count)
        for wakeup in wakeups { wakeup.signal() }
    }

    static func notFound(_ name: DatabaseName) -> BerthError {
        BerthError(.databaseNotFound, "There is no database named “\(name)”. `berth db list` shows those there are.")
    }
}
