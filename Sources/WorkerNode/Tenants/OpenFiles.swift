import FleetModel
import Synchronization

/// The descriptors of this process that the files of open databases take.
///
/// What a process may open is limited, and whoever meets the limit first is not who can do without: a capture, a connection to the bucket.
/// So openings are counted ahead. When no more is allowed, the database nobody has used for longest is closed to make room.
final class OpenFiles: Sendable {
    private struct State {
        var taken = 0
        var tenants: [ObjectIdentifier: Tenant] = [:]
    }

    /// Descriptors that all databases may take together.
    let limit: Int
    private let state = Mutex(State())

    init(limit: Int = .max) {
        invariant(limit > 0, "a node opens at least one database")
        self.limit = limit
    }

    var taken: Int { state.withLock { $0.taken } }

    /// Takes `count` more for a tenant.
    ///
    /// - Returns: whether that is allowed; else nothing was taken.
    func take(_ count: Int, for tenant: Tenant) -> Bool {
        state.withLock { state in
            guard count <= limit - state.taken else { return false }
            state.taken += count
            state.tenants[ObjectIdentifier(tenant)] = tenant
            return true
        }
    }

    /// What a tenant has changed from `former` to `present`: what is open is counted, allowed or not.
    func settle(_ tenant: Tenant, from former: Int, to present: Int) {
        state.withLock { state in
            state.taken += present - former
            invariant(state.taken >= 0, "more was closed than had been opened")
            state.tenants[ObjectIdentifier(tenant)] = present > 0 ? tenant : nil
        }
    }

    /// Those that could be closed to make room, as far as is known without asking them: the longest unused first.
    func idlest(besides other: Tenant, atMost count: Int) -> [Tenant] {
        let tenants = state.withLock { Array($0.tenants.values) }
        return tenants.filter { $0 !== other && $0.looksIdle }
            .sorted { ($0.lastUse.load(ordering: .relaxed), $0.database) < ($1.lastUse.load(ordering: .relaxed), $1.database) }
            .prefix(count).map(\.self)
    }
}
