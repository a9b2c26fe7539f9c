import FleetModel
import Synchronization

/// Databases with something that can expire. One task watches them all; a database without streams and waiters is not
/// in here, so an idle one costs no timer.
final class AttentionSet: Sendable {
    /// By identity: what a former tenant of a database no longer needs, the present one may.
    private let tenants = Mutex<[ObjectIdentifier: Tenant]>([:])
    private let wakeup = Wakeup()

    func insert(_ tenant: Tenant) {
        let wasEmpty = tenants.withLock { tenants in
            defer { tenants[ObjectIdentifier(tenant)] = tenant }
            return tenants.isEmpty
        }
        if wasEmpty { wakeup.signal() }
    }

    /// Watches until cancelled: every `interval` while there is something to watch.
    func run(every interval: Duration, clock: any FleetClock) async {
        while !Task.isCancelled {
            let watched = tenants.withLock { Array($0.values) }
            if watched.isEmpty {
                await wakeup.wait(clock: clock)
                continue
            }
            do { try await clock.sleep(for: interval) } catch { return }
            for tenant in watched where await !tenant.expire() {
                // It may have become interesting again between its answer and now: then it has inserted itself anew.
                tenants.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(tenant)) }
                if await tenant.needsAttention { insert(tenant) }
            }
        }
    }
}
