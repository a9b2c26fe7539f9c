import BerthTestKit
import FleetModel
import FleetStore
import Leases

/// What a worker node does to the store, without the databases: renews, acquires, prepares, hands over.
struct ScriptedNode {
    /// What it does; a test takes things away to make it ill.
    struct Behaviour: OptionSet {
        let rawValue: Int
        static let renews = Behaviour(rawValue: 1)
        static let acquires = Behaviour(rawValue: 2)
        /// Restores a copy of what is placed here and led elsewhere, and says so.
        static let prepares = Behaviour(rawValue: 4)
        static let handsOver = Behaviour(rawValue: 8)
        /// Opens what it leads when an operation waits for that.
        static let serves = Behaviour(rawValue: 16)
        static let healthy: Behaviour = [.renews, .acquires, .prepares, .handsOver, .serves]
    }

    let name: NodeName
    let session: SessionID
    var behaviour = Behaviour.healthy
    /// What the store last said of its session.
    private(set) var renewal = Renewal.renewed
    private let store: any LeaseStore
    private let catalogue: FleetCatalogue

    init(_ name: String, store: any LeaseStore, catalogue: FleetCatalogue) async throws {
        self.name = try NodeName(name)
        self.session = .random()
        self.store = store
        self.catalogue = catalogue
        try await store.openSession(
            NewSession(id: session, node: self.name, role: .node, address: "http://\(name):8080"))
    }

    /// One turn of its work.
    mutating func act() async throws {
        if behaviour.contains(.renews) {
            renewal = try await store.renew(session)
            guard renewal == .renewed else {
                behaviour = []
                return
            }
        }
        guard !behaviour.isDisjoint(with: [.acquires, .prepares]) else { return }
        let assignments = try await catalogue.assignments(to: name, session: session)
        if behaviour.contains(.acquires) {
            let free = assignments.filter { $0.heldBy == nil }.map(\.database)
            if !free.isEmpty { _ = try await store.acquire(free, for: session) }
        }
        if behaviour.contains(.prepares) {
            let coming = assignments.filter { $0.heldBy != nil && !$0.isPrepared }
            if !coming.isEmpty {
                try await catalogue.declarePrepared(
                    coming.map { ($0.database, CopyID.random()) }, on: name, session: session)
            }
        }
        if behaviour.contains(.handsOver) { try await handOver() }
        if behaviour.contains(.serves) {
            let awaited = try await catalogue.awaited(by: session)
            let leases = try await store.leases(of: awaited)
            if !leases.isEmpty { try await catalogue.reportServed(leases.map { ($0.database, $0.epoch) }, by: session) }
        }
    }

    private func handOver() async throws {
        let handovers = try await catalogue.handovers(from: name, session: session)
        let leases = try await store.leases(of: handovers.map(\.database))
        for handover in handovers {
            guard let successor = handover.successor, let lease = leases.first(where: { $0.database == handover.database })
            else { continue }
            let claim = LeaseClaim(database: lease.database, epoch: lease.epoch, headSeq: lease.head.seq)
            _ = try await store.transfer(claim, from: session, to: successor, copy: handover.copy)
        }
    }

    /// From one moment to the next it does nothing any more, like a machine that lost power.
    mutating func fallSilent() { behaviour = [] }

    /// Its supervisor saw the process die.
    mutating func crash() async throws {
        behaviour = []
        try await store.endOwnSession(session, node: name, reason: "crashed")
    }

    /// A graceful stop: everything is released first.
    mutating func stop() async throws {
        behaviour = []
        let claims = try await store.leases(heldBy: session).map {
            LeaseClaim(database: $0.database, epoch: $0.epoch, headSeq: $0.head.seq)
        }
        _ = try await store.release(claims, by: session)
        try await store.endOwnSession(session, node: name, reason: "stopped")
    }
}
