import Changesets
import Chaos
import FleetManager
import FleetModel
import FleetStore
import Foundation
import Leases
import Replication

/// The Postgres of a simulated fleet: the lease store's contract and a catalogue in memory, every statement atomic.
///
/// It tells the run of every lease that changes, and gives the hints that the real one gives by `NOTIFY`.
final class StoreServer: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    struct Placement {
        var record: DatabaseRecord
        var node: NodeName
        var preparedSession: SessionID?
        var preparedCopy: CopyID?
        var isDeclined = false
        var isAwaited = false
        var placedBy: OperationID?
        var refusal: OpeningRefusal?
        var servedEpoch: Epoch?
        var unopenable: UnopenableState?
        /// With when it ends, on the store's clock.
        var quarantined: (Quarantined, until: Duration)?
    }

    struct Node {
        var address = ""
        var state = NodeState.active
        var engines: Set<EngineKind> = []
    }

    let leases = InMemoryLeaseStore()
    let scheduler: Scheduler
    var placements: [DatabaseID: Placement] = [:]
    var nodes: [NodeName: Node] = [:]
    var operations: [OperationID: OperationRecord] = [:]
    var sweptSessions: Set<SessionID> = []
    /// What the store's clock shows more than the simulation's. Nothing that matters may depend on it.
    var clockOffset = Duration.zero
    var clock: Duration { scheduler.now + clockOffset }
    /// Databases of which no segment is taken, as a constraint would have it.
    var refusedRows: Set<DatabaseID> = []
    /// When sessions were first seen to have ended, on the store's clock.
    var endings: [SessionID: Duration] = [:]
    /// Sessions in the order in which they were opened.
    var sessionOrder: [SessionID] = []

    var onLeaseChange: (Lease) -> Void = { _ in }
    var onSessionEnd: (SessionRecord) -> Void = { _ in }
    var onHint: (StoreHint) -> Void = { _ in }
    /// Told of every change of a lease, its head included.
    var onRow: (_ former: Lease?, _ lease: Lease) -> Void = { _, _ in }
    private(set) var lastSeen: [DatabaseID: Lease] = [:]

    init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    /// Carries one statement out and tells of what it changed.
    func statement<Value>(_ body: () async -> Value) async -> Value {
        let value = await body()
        var changed: [DatabaseID] = []
        for lease in leases.allLeases() where lastSeen[lease.database] != lease {
            let former = lastSeen.updateValue(lease, forKey: lease.database)
            onRow(former, lease)
            guard former?.session != lease.session || former?.epoch != lease.epoch else { continue }
            changed.append(lease.database)
            onLeaseChange(lease)
        }
        if !changed.isEmpty { onHint(.leases(changed)) }
        var sessionEnded = false
        for session in leases.endedSessions() where endings[session.id] == nil {
            endings[session.id] = clock
            sessionEnded = true
            onSessionEnd(session)
        }
        if sessionEnded { onHint(.sessions) }
        return value
    }

    /// A statement that would insert a row which is refused does nothing.
    func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        for entry in publication.entries where refusedRows.contains(entry.database) {
            guard let lease = lease(entry.database), lease.session == publication.session, lease.epoch == entry.epoch,
                lease.head == ChainPosition(seq: entry.firstSeq - 1, checksum: entry.previousChecksum)
            else { continue }
            throw .entryRefused("a row of \(entry.database) violates a constraint")
        }
        return try await leases.publish(publication)
    }

    // MARK: What the tables say

    func lease(_ database: DatabaseID) -> Lease? { leases.allLeases().first { $0.database == database } }

    /// The live session that holds `lease`.
    func liveHolder(_ lease: Lease?) -> SessionRecord? {
        guard let id = lease?.session, let session = leases.session(id), !session.hasEnded else { return nil }
        return session.record
    }

    func liveSession(of node: NodeName) -> SessionRecord? {
        sessionOrder.reversed().lazy.compactMap { self.leases.session($0) }
            .first { !$0.hasEnded && !$0.record.isRevoked && $0.record.node == node && $0.record.role == .node }?.record
    }

    func holds(_ term: ManagerTerm) -> Bool {
        lease(.managerLease).map { $0.session == term.session && $0.epoch == term.term } ?? false
    }

    var sortedPlacements: [(DatabaseID, Placement)] { placements.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }

    func placed(_ database: DatabaseID) -> Placement? { placements[database] }

    func database(named name: DatabaseName) -> (DatabaseID, Placement)? {
        sortedPlacements.first { $0.1.record.name == name }
    }
}
