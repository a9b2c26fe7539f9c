import FleetModel
import FleetStore
import Synchronization

/// The databases this node holds the leases of.
final class TenantTable: Sendable {
    private struct State {
        var byID: [DatabaseID: Tenant] = [:]
        var byName: [DatabaseName: Tenant] = [:]
    }

    private let state = Mutex(State())

    subscript(_ name: DatabaseName) -> Tenant? { state.withLock { $0.byName[name] } }
    subscript(_ id: DatabaseID) -> Tenant? { state.withLock { $0.byID[id] } }

    var all: [Tenant] { state.withLock { Array($0.byID.values) } }
    var count: Int { state.withLock { $0.byID.count } }

    /// Without a copy of the table; `body` must not ask it for anything.
    func forEach(_ body: (Tenant) -> Void) {
        state.withLock { state in
            for tenant in state.byID.values { body(tenant) }
        }
    }

    func insert(_ tenant: Tenant) {
        state.withLock { state in
            invariant(state.byID[tenant.database] == nil, "a node leads a database twice")
            state.byID[tenant.database] = tenant
            state.byName[tenant.record.name] = tenant
        }
    }

    /// Removes `tenant`, unless another one took its place.
    func remove(_ tenant: Tenant) {
        state.withLock { state in
            guard state.byID[tenant.database] === tenant else { return }
            state.byID[tenant.database] = nil
            if state.byName[tenant.record.name] === tenant { state.byName[tenant.record.name] = nil }
        }
    }
}
