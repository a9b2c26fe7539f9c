import FleetModel
import FleetStore
import Synchronization

/// Tokens looked up lately, so that a busy client costs one statement per lifetime instead of one per request.
///
/// Only tokens that exist are kept: a stranger guessing secrets fills nothing.
final class TokenCache: Sendable {
    private struct Entry {
        let token: TokenRecord
        let believedUntil: Duration
    }

    static let capacity = 1024

    private let clock: any FleetClock
    private let lifetime: Duration
    private let entries = Mutex<[TokenSecret: Entry]>([:])

    init(clock: any FleetClock, lifetime: Duration) {
        self.clock = clock
        self.lifetime = lifetime
    }

    func token(secret: TokenSecret) -> TokenRecord? {
        let now = clock.now()
        return entries.withLock { entries in
            guard let entry = entries[secret], now < entry.believedUntil else { return nil }
            return entry.token
        }
    }

    /// - Parameter readAt: when the look-up began: what was true then is believed for one lifetime.
    func remember(_ token: TokenRecord, secret: TokenSecret, readAt: Duration) {
        let now = clock.now()
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries = entries.filter { now < $0.value.believedUntil } }
            if entries.count >= Self.capacity { entries.removeAll(keepingCapacity: true) }
            invariant(entries.count < Self.capacity, "more tokens are kept than there is room for")
            invariant(readAt <= now, "a token is believed from a moment that has not come")
            entries[secret] = Entry(token: token, believedUntil: readAt + lifetime)
        }
    }

    /// After a revocation.
    func forget(_ id: TokenID) {
        entries.withLock { entries in entries = entries.filter { $0.value.token.id != id } }
    }
}
