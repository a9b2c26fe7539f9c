import FleetModel
import FleetStore
import Routing
import Synchronization

/// Remembers for a few seconds what tokens allow, so that a request costs no statement; one look-up per token at a time.
///
/// Keyed by the hash of the secret: secrets are not kept. Unknown tokens have a place of their own, so that guessing
/// does not displace good ones.
final class TokenCache: Sendable {
    private struct Entry: Sendable {
        var grant: TokenGrant?
        /// When the look-up that said so was started.
        var lookedUpAt: Duration
        /// No look-up before this, because the last one failed.
        var pausedUntil: Duration = .zero
    }

    private typealias Flight = Task<Result<TokenGrant?, BerthError>, Never>

    private struct State {
        var known: LeastRecentlyUsed<[UInt8], Entry>
        var unknown: LeastRecentlyUsed<[UInt8], Entry>
        var flights: [[UInt8]: Flight] = [:]
    }

    /// After a failed look-up, a token that is still good enough is not looked up again for this long.
    private static let pauseAfterFailure = Duration.seconds(1)

    private let source: any TokenSource
    private let clock: any FleetClock
    private let limits: GatewayLimits
    private let state: Mutex<State>

    init(source: any TokenSource, clock: any FleetClock, limits: GatewayLimits) {
        self.source = source
        self.clock = clock
        self.limits = limits
        self.state = Mutex(
            State(
                known: LeastRecentlyUsed(capacity: max(1, limits.tokens)),
                unknown: LeastRecentlyUsed(capacity: max(1, limits.tokens))))
    }

    /// What the token allows, at most `limits.tokenFresh` old; `limits.tokenStale` while the store cannot be read.
    ///
    /// - Throws: `store_unavailable` when nothing recent enough is known.
    func grant(for secret: TokenSecret, digest: [UInt8]) async throws(BerthError) -> TokenGrant? {
        let now = clock.now()
        let (cached, flight): (Entry?, Flight?) = state.withLock { state in
            let entry = state.known.use(digest) ?? state.unknown.use(digest)
            if let entry, isFresh(entry, now) { return (entry, nil) }
            return (entry, look(up: secret, digest, now, in: &state))
        }
        guard let flight else { return cached?.grant }
        switch await flight.value {
        case .success(let grant): return grant
        case .failure(let error):
            guard let cached, isBearable(cached, clock.now()) else { throw error }
            return cached.grant
        }
    }

    /// What a look-up found.
    struct Remembered {
        /// `nil` when there is no such token.
        var grant: TokenGrant?
    }

    /// What is remembered of a token, unless it should be looked up.
    func remembered(_ digest: [UInt8]) -> Remembered? {
        let now = clock.now()
        return state.withLock { state in
            guard let entry = state.known.use(digest) ?? state.unknown.use(digest), isFresh(entry, now) else { return nil }
            return Remembered(grant: entry.grant)
        }
    }

    /// Whether there is nothing to be gained from a look-up now.
    private func isFresh(_ entry: Entry, _ now: Duration) -> Bool {
        now - entry.lookedUpAt < limits.tokenFresh || isBearable(entry, now) && now < entry.pausedUntil
    }

    private func isBearable(_ entry: Entry, _ now: Duration) -> Bool {
        entry.grant != nil && now - entry.lookedUpAt < limits.tokenStale
    }

    private func look(up secret: TokenSecret, _ digest: [UInt8], _ now: Duration, in state: inout State) -> Flight {
        if let flight = state.flights[digest] { return flight }
        let flight = Flight { [source] in
            let result: Result<TokenGrant?, BerthError>
            do throws(BerthError) { result = .success(try await source.grant(for: secret)) } catch { result = .failure(error) }
            self.landed(digest, result, startedAt: now)
            return result
        }
        state.flights[digest] = flight
        return flight
    }

    private func landed(_ digest: [UInt8], _ result: Result<TokenGrant?, BerthError>, startedAt: Duration) {
        let now = clock.now()
        state.withLock { state in
            let wasUnderWay = state.flights.removeValue(forKey: digest) != nil
            invariant(wasUnderWay, "a look-up ended twice")
            switch result {
            case .success(let grant?):
                state.unknown.remove(digest)
                _ = state.known.insert(Entry(grant: grant, lookedUpAt: startedAt), for: digest)
            case .success(nil):
                state.known.remove(digest)
                _ = state.unknown.insert(Entry(grant: nil, lookedUpAt: startedAt), for: digest)
            case .failure:
                state.known.update(digest) { $0.pausedUntil = now + Self.pauseAfterFailure }
            }
        }
    }
}
