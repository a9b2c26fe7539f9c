import FleetModel
import Synchronization

/// The databases that are open. When a host may open no more, the one nobody has used for longest is closed to make room.
final class OpenTenants: Sendable {
    private let tenants = Mutex<[ObjectIdentifier: Tenant]>([:])

    func insert(_ tenant: Tenant) { tenants.withLock { $0[ObjectIdentifier(tenant)] = tenant } }
    func remove(_ tenant: Tenant) { tenants.withLock { $0[ObjectIdentifier(tenant)] = nil } }

    var count: Int { tenants.withLock { $0.count } }

    /// Those that could be closed to make room, as far as is known without asking them: the longest unused first.
    func idlest(besides other: Tenant, atMost count: Int) -> [Tenant] {
        let tenants = tenants.withLock { Array($0.values) }
        return tenants.filter { $0 !== other && $0.looksIdle }
            .sorted { ($0.lastUse.load(ordering: .relaxed), $0.database) < ($1.lastUse.load(ordering: .relaxed), $1.database) }
            .prefix(count).map(\.self)
    }
}
