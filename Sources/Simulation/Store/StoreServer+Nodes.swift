import Changesets
import FleetModel
import FleetStore
import Leases
import Replication

/// What nodes and routers ask; each is what the statement of the same name in `FleetCatalogue` says.
extension StoreServer {
    func assignments(to node: NodeName, session: SessionID) -> [Assignment] {
        sortedPlacements.compactMap { database, placement in
            guard placement.node == node, let lease = lease(database), lease.session != session else { return nil }
            return Assignment(
                database: database, engine: placement.record.engine, heldBy: liveHolder(lease)?.id, epoch: lease.epoch, head: lease.head,
                isPrepared: placement.preparedSession == session)
        }
    }

    func handovers(from node: NodeName, session: SessionID) -> [Handover] {
        sortedPlacements.compactMap { database, placement in
            guard placement.node != node, lease(database)?.session == session else { return nil }
            let successor = placement.preparedSession.flatMap { leases.session($0) }
            let isLive = successor.map { !$0.hasEnded && !$0.record.isRevoked } ?? false
            return Handover(
                database: database, placedOn: placement.node, successor: isLive ? placement.preparedSession : nil,
                copy: placement.preparedCopy)
        }
    }

    func records(of ids: [DatabaseID]) -> [DatabaseRecord] { ids.sorted().compactMap { placements[$0]?.record } }

    func declarePrepared(_ copies: [(database: DatabaseID, copy: CopyID)], on node: NodeName, session: SessionID) {
        for (database, copy) in copies where placements[database]?.node == node {
            placements[database]?.preparedSession = session
            placements[database]?.preparedCopy = copy
        }
        onHint(.placements(nil))
    }

    func reportServed(_ served: [(database: DatabaseID, epoch: Epoch)], by session: SessionID) {
        var isAwaited = false
        for (database, epoch) in served where lease(database)?.session == session && lease(database)?.epoch == epoch {
            if placements[database]?.isAwaited == true, leases.session(session)?.record.node == placements[database]?.node {
                isAwaited = true
                placements[database]?.isAwaited = false
            }
            placements[database]?.servedEpoch = epoch
            placements[database]?.unopenable = nil
        }
        if isAwaited { onHint(.operations) }
    }

    func reportUnopenable(
        _ database: DatabaseID, _ state: UnopenableState, isServed: Bool, epoch: Epoch, by session: SessionID
    ) {
        guard lease(database)?.session == session, lease(database)?.epoch == epoch else { return }
        placements[database]?.unopenable = state
        if !isServed { placements[database]?.servedEpoch = nil }
        onHint(.operations)
    }

    func reportQuarantined(_ database: DatabaseID, _ quarantined: Quarantined, epoch: Epoch, by session: SessionID) {
        guard lease(database)?.session == session, lease(database)?.epoch == epoch else { return }
        placements[database]?.quarantined = (quarantined, clock + quarantined.remaining)
        placements[database]?.servedEpoch = nil
    }

    func quarantined(among databases: [DatabaseID]) -> [DatabaseID: Quarantined] {
        var found: [DatabaseID: Quarantined] = [:]
        for database in databases {
            guard let (quarantined, until) = placements[database]?.quarantined, until + .seconds(86_400) > clock else { continue }
            found[database] = Quarantined(reason: quarantined.reason, remaining: until - clock, refusals: quarantined.refusals)
        }
        return found
    }

    func refuse(_ database: DatabaseID, _ refusal: OpeningRefusal, on node: NodeName) {
        guard placements[database]?.node == node else { return }
        placements[database]?.refusal = refusal
        onHint(.operations)
    }

    func awaited(by session: SessionID) -> [DatabaseID] {
        sortedPlacements.compactMap { database, placement in
            guard placement.isAwaited, leases.session(session)?.record.node == placement.node, let lease = lease(database), lease.session == session, placement.servedEpoch != lease.epoch
            else { return nil }
            return database
        }
    }

    func route(to name: DatabaseName) -> Result<RouteRecord, BerthError> {
        guard let (database, _) = database(named: name), let lease = lease(database) else {
            return .failure(BerthError(.databaseNotFound, "There is no database named “\(name)”."))
        }
        let holder = liveHolder(lease)
        return .success(
            RouteRecord(
                database: database, name: name, epoch: lease.epoch, session: holder?.id, node: holder?.node,
                address: holder?.address))
    }

    func segments(of database: DatabaseID, after seq: UInt64, through last: UInt64) -> [Segment] {
        leases.publications(of: database).filter { $0.entry.lastSeq > seq && $0.entry.lastSeq <= last }
            .map { Segment(bundle: $0.bundle, entry: $0.entry) }
    }

    func checksum(of database: DatabaseID, at seq: UInt64) -> UInt64? {
        leases.publications(of: database).first { $0.entry.lastSeq == seq }?.entry.checksum
    }
}
