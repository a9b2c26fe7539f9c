import FleetModel
import Metrics
import Synchronization

/// Bounds how many requests wait for a leader, and how many bytes they hold meanwhile.
package final class WaitingRoom: Sendable {
    private struct State {
        var requests = 0
        var bytes = 0
    }

    private let maximumRequests: Int
    private let maximumBytes: Int
    private let state = Mutex(State())
    private let waiting = Gauge(label: "berth_gateway_waiting")

    package init(limits: GatewayLimits) {
        maximumRequests = limits.waitingRequests
        maximumBytes = limits.waitingBytes
    }

    /// Requests inside.
    var count: Int { state.withLock { $0.requests } }

    /// Keeps a place while `body` runs.
    ///
    /// - Throws: `too_many_requests` when there is no place, and what `body` throws.
    func wait(holding bytes: Int, _ body: () async throws(BerthError) -> Void) async throws(BerthError) {
        let inside: Int? = state.withLock { state in
            guard state.requests < maximumRequests, state.bytes + bytes <= maximumBytes else { return nil }
            state.requests += 1
            state.bytes += bytes
            return state.requests
        }
        guard let inside else {
            throw BerthError(
                .tooManyRequests, "Too many requests wait for a leader already; nothing was executed. Try again in a moment.")
        }
        waiting.record(inside)
        defer {
            waiting.record(
                state.withLock { state in
                    state.requests -= 1
                    state.bytes -= bytes
                    invariant(state.requests >= 0 && state.bytes >= 0, "more requests left than waited")
                    return state.requests
                })
        }
        try await body()
    }
}
