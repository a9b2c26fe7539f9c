import Chaos
import Synchronization

/// What the object store does wrong at the moment.
struct BucketTrouble: Sendable, Hashable {
    /// Shares of requests, from 0 to 1.
    var errors = 0.0
    var cuts = 0.0
    var lostReplies = 0.0
    /// Every answer is this late.
    var delay: Duration = .zero
    /// Of all bodies together, in both directions; `nil` for as fast as they come.
    var bytesPerSecond: Int?
}

/// What becomes of one request.
enum BucketTreatment: Sendable {
    case pass
    /// Answered with this status; the store never sees it.
    case refuse(status: Int)
    /// The connection ends in the middle of the request's body; the store never sees it.
    case cutRequest
    /// The store does it, and the connection ends in the middle of the answer's body.
    case cutReply
    /// The store does it, and the connection ends without an answer.
    case loseReply
    /// The store does it, and a gateway in between says that it did not.
    case denyReply
}

/// The object store's present troubles. Faults change them, the proxy asks for each request.
final class BucketTroubles: Sendable {
    private struct State {
        var imposed: [Int: BucketTrouble] = [:]
        var next = 0
        var random: SplitMix
        /// When the bytes let through so far have been, at the present speed.
        var busyUntil: ContinuousClock.Instant?
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(random: SplitMix(seed: seed))) }

    func impose(_ trouble: BucketTrouble) -> Int {
        state.withLock { state in
            state.next += 1
            state.imposed[state.next] = trouble
            return state.next
        }
    }

    func lift(_ ticket: Int) { state.withLock { _ = $0.imposed.removeValue(forKey: ticket) } }

    /// How long whoever has passed on so many bytes of a body waits before the next.
    func pause(after bytes: Int, now: ContinuousClock.Instant = .now) -> Duration {
        state.withLock { state in
            guard let rate = state.imposed.values.compactMap(\.bytesPerSecond).min() else {
                state.busyUntil = nil
                return .zero
            }
            let end = max(now, state.busyUntil ?? now) + .microseconds(Int64(bytes) * 1_000_000 / Int64(rate))
            state.busyUntil = end
            return end - now
        }
    }

    /// - Parameter hasBody: whether the request carries one.
    func treatment(hasBody: Bool) -> (BucketTreatment, delay: Duration) {
        state.withLock { state in
            let troubles = state.imposed.values
            let delay = troubles.map(\.delay).max() ?? .zero
            func happens(_ share: KeyPath<BucketTrouble, Double>) -> Bool {
                let most = troubles.map { $0[keyPath: share] }.max() ?? 0
                return most > 0 && Double.random(in: 0..<1, using: &state.random) < most
            }
            if happens(\.errors) { return (.refuse(status: Bool.random(using: &state.random) ? 500 : 503), delay) }
            if happens(\.cuts) { return (hasBody && Bool.random(using: &state.random) ? .cutRequest : .cutReply, delay) }
            if happens(\.lostReplies) { return (Bool.random(using: &state.random) ? .loseReply : .denyReply, delay) }
            return (.pass, delay)
        }
    }
}
