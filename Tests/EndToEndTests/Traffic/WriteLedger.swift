import Synchronization

/// What writers were promised, kept outside the fleet.
final class WriteLedger: Sendable {
    struct Write: Sendable, Hashable {
        var writer: Int
        var number: Int
        /// Random, so that a row that is there can only be the one that was written.
        var value: String
    }

    struct Acknowledged: Sendable {
        var write: Write
        /// When the request was sent that was then acknowledged.
        var sent: ContinuousClock.Instant
        var at: ContinuousClock.Instant
    }

    private struct State {
        var acknowledged: [String: [Acknowledged]] = [:]
        /// Sent, and neither acknowledged nor known not to have happened.
        var unknown: [String: Set<Write>] = [:]
        var failures: [String] = []
    }

    private let state = Mutex(State())

    func acknowledge(_ write: Write, of database: String, sent: ContinuousClock.Instant) {
        let entry = Acknowledged(write: write, sent: sent, at: .now)
        state.withLock { $0.acknowledged[database, default: []].append(entry) }
    }

    func doubt(_ write: Write, of database: String) {
        state.withLock { _ = $0.unknown[database, default: []].insert(write) }
    }

    func fail(_ text: String) { state.withLock { $0.failures.append(text) } }

    func acknowledged(of database: String) -> [Acknowledged] { state.withLock { $0.acknowledged[database] ?? [] } }
    func unknown(of database: String) -> Set<Write> { state.withLock { $0.unknown[database] ?? [] } }
    var failures: [String] { state.withLock { $0.failures } }

    /// Writes acknowledged so far, by database.
    var counts: [String: Int] { state.withLock { $0.acknowledged.mapValues(\.count) } }
}
