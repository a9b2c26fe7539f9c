import Changesets
import Chaos
import FleetModel
import FleetStore
import Leases
import ObjectStores
import WorkerNode

/// A rule broken on purpose, as no statement and no process of ours does it: what watches over the rules must see it.
public enum Breach: String, Sendable, CaseIterable {
    /// A lease goes to another session while its holder lives.
    case leaseStolen = "lease-stolen"
    case epochFalls = "epoch-falls"
    case headFalls = "head-falls"
    /// A head that is no changeset.
    case headInvented = "head-invented"
    /// A session is ended before it was silent.
    case sessionEndedEarly = "session-ended-early"
    /// The bucket says that it has stored what it has not.
    case bucketForgets = "bucket-forgets"
    case publishedDeleted = "published-deleted"
    /// Nodes take a `bucket` database for a `local` one.
    case acknowledgedEarly = "acknowledged-early"
}

extension SimulatedFleet {
    /// Breaks a rule as soon as there is something to break.
    func commit(_ breach: Breach) {
        guard broke(breach) else {
            return scheduler.after(.milliseconds(10), on: scheduler.harness) { [self] in commit(breach) }
        }
        note("fault", "breach: \(breach.rawValue)")
    }

    /// - Returns: whether there was something to break.
    private func broke(_ breach: Breach) -> Bool {
        switch breach {
        case .leaseStolen:
            // Of a database that is being served, with an open gate.
            guard var (lease, _) = servedLease(), let thief = store.sessionOrder.first(where: { $0 != lease.session }) else { return false }
            lease.session = thief
            lease.epoch = lease.epoch.next
            return overwrite(lease)
        case .epochFalls:
            guard var (lease, _) = servedLease(), lease.epoch > .zero else { return false }
            lease.epoch = Epoch(lease.epoch.value - 1)
            return overwrite(lease)
        case .headFalls:
            guard var (lease, _) = servedLease(), lease.head.seq > 1 else { return false }
            lease.head.seq -= 1
            return overwrite(lease)
        case .headInvented:
            guard var (lease, _) = servedLease() else { return false }
            lease.head = ChainPosition(seq: lease.head.seq + 1, checksum: 1)
            return overwrite(lease)
        case .sessionEndedEarly:
            guard let (_, node) = servedLease(), let session = node.session, let record = store.leases.session(session)?.record else { return false }
            let store = store
            scheduler.start(on: storeLife) {
                _ = await store.statement { try? await store.leases.endSession(session, seen: record.renewals, reason: "breach") }
            }
            return true
        case .bucketForgets: bucket.forgets = true
        case .publishedDeleted:
            guard let (lease, _) = servedLease(), let bundle = store.leases.publications(of: lease.database).last?.bundle else { return false }
            bucket.onDelete([bundle])
        case .acknowledgedEarly:
            for (id, placement) in store.placements {
                let record = placement.record
                store.placements[id]?.record = DatabaseRecord(
                    id: record.id, name: record.name, engine: record.engine, durability: .local, createdAt: record.createdAt)
            }
            // Whoever serves them looks at the record when it takes them.
            for node in nodes { node.kill(reaped: true) }
        }
        return true
    }

    private func overwrite(_ lease: Lease) -> Bool {
        let store = store
        scheduler.start(on: storeLife) { await store.statement { store.leases.overwrite(lease) } }
        return true
    }

    private func servedLease() -> (Lease, NodeProcess)? {
        for node in nodes where node.isUp && node.worker?.isReady == true {
            var found: Lease?
            node.worker?.forEachServed { database, _ in
                if let lease = store.lastSeen[database], lease.session == node.session, found.map({ $0.database > database }) ?? true { found = lease }
            }
            if let found { return (found, node) }
        }
        return nil
    }
}
