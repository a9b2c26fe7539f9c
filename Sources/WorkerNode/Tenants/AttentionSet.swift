import FleetModel
import Synchronization

/// Databases with something that can expire. One task watches them all; a database without streams and waiters is not
/// in here, so an idle one costs no timer.
final class AttentionSet: Sendable {
    private struct Watched {
        var tenant: Tenant
        /// Those that came first are looked at first, in every run alike.
        var order: UInt64
    }

    private struct State {
        /// By identity: what a former tenant of a database no longer needs, the present one may.
        var tenants: [ObjectIdentifier: Watched] = [:]
        var nextOrder: UInt64 = 0
    }

    private let state = Mutex(State())
    private let wakeup = Wakeup()

    func insert(_ tenant: Tenant) {
        let wasEmpty = state.withLock { state in
            let wasEmpty = state.tenants.isEmpty
            if state.tenants[ObjectIdentifier(tenant)] == nil {
                state.tenants[ObjectIdentifier(tenant)] = Watched(tenant: tenant, order: state.nextOrder)
                state.nextOrder += 1
            }
            return wasEmpty
        }
        if wasEmpty { wakeup.signal() }
    }

    /// Watches until cancelled: every `interval` while there is something to watch.
    func run(every interval: Duration, clock: any FleetClock) async {
        while !Task.isCancelled {
            let watched = state.withLock { $0.tenants.values.sorted { $0.order < $1.order }.map(\.tenant) }
            if watched.isEmpty {
                await wakeup.wait(clock: clock)
                continue
            }
            do { try await clock.sleep(for: interval) } catch { return }
            for tenant in watched where await !tenant.expire() {
                // It may have become interesting again between its answer and now: then it has inserted itself anew.
                state.withLock { _ = $0.tenants.removeValue(forKey: ObjectIdentifier(tenant)) }
                if await tenant.needsAttention { insert(tenant) }
            }
        }
    }
}
