import Changesets
import Chaos
import FleetModel
import Leases
import ObjectStores
import WorkerNode

/// Looks at the whole fleet after every step of a schedule, with the eyes of somebody who sees all processes at one moment.
///
/// What clients were promised is checked at the end, from their history. Here is what the promises rest on, where it is broken and not
/// where that shows: the schedule ends at the step that broke it.
final class StepChecker: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    private unowned let fleet: SimulatedFleet
    /// What was found where something changed; told at the end of the step.
    private var found: String?
    /// The bundles that hold what is published.
    private var published: Set<String> = []
    /// Whoever is seen serving each database at this step.
    private var served: [DatabaseID: (node: NodeProcess, epoch: Epoch)] = [:]

    init(_ fleet: SimulatedFleet) { self.fleet = fleet }

    /// - Returns: what is broken.
    func look() -> String? {
        if let found { return found }
        served.removeAll(keepingCapacity: true)
        for node in fleet.nodes where node.isUp {
            node.worker?.forEachServed { database, epoch in note(database, epoch, servedBy: node) }
        }
        return found
    }

    /// Rule 2, of all processes together: who may acknowledge holds the lease, in this epoch, and is the only one.
    private func note(_ database: DatabaseID, _ epoch: Epoch, servedBy node: NodeProcess) {
        let lease = fleet.store.lastSeen[database]
        // A former leader that has not noticed yet is harmless as long as its gate is closed; only then is the clock asked.
        if lease?.epoch != epoch || lease?.session != node.session, node.worker?.isReady == true {
            report(
                "\(node.name) serves \(name(database)) in epoch \(epoch) with its gate open; the lease is at epoch "
                    + "\(lease.map { "\($0.epoch)" } ?? "none")")
        }
        if let other = served.updateValue((node, epoch), forKey: database), other.node.worker?.isReady == true, node.worker?.isReady == true {
            report("\(other.node.name) and \(node.name) serve \(name(database)) with their gates open, in epochs \(other.epoch) and \(epoch)")
        }
    }

    /// The rules of a lease's row: 4, 6, 7, 9.
    func rowChanged(from former: Lease?, to lease: Lease) {
        guard let former else { return }
        let what = name(lease.database)
        if lease.epoch < former.epoch { report("the epoch of \(what) fell from \(former.epoch) to \(lease.epoch)") }
        if lease.session != former.session, lease.session != nil, lease.epoch <= former.epoch {
            report("\(what) has another holder in epoch \(lease.epoch), which somebody had before")
        }
        guard lease.head != former.head else { return }
        if lease.head.seq != former.head.seq + 1 { report("the head of \(what) went from \(former.head) to \(lease.head)") }
        guard let publication = fleet.store.leases.publications(of: lease.database).last, publication.entry.endPosition == lease.head,
            publication.entry.previousChecksum == former.head.checksum
        else { return report("the head of \(what), \(lease.head), is no changeset that follows \(former.head)") }
        published.insert(publication.bundle)
        if !fleet.bucket.objects.holds(publication.bundle) {
            report("the head of \(what), \(lease.head), is published and not in the bucket: \(publication.bundle)")
        }
    }

    /// Rule 3: whoever ended the session made sure that its owner acknowledges nothing any more.
    func sessionEnded(_ session: SessionRecord) {
        guard let node = fleet.nodes.first(where: { $0.session == session.id }), node.isUp, node.worker?.isReady == true else { return }
        report("the session of \(session.node) was ended while its gate was open")
    }

    /// Rule 13.
    func deleted(_ names: [String]) {
        for name in names where published.contains(name) { report("an object was deleted that is published: \(name)") }
    }

    /// Under `bucket`, an answer leaves only when the write is published, which takes the head further than it was before.
    func acknowledged(_ request: Int, of database: String, headBefore: UInt64) {
        guard fleet.databases.first(where: { $0.name == database })?.durability == Durability.bucket.rawValue,
            fleet.head(of: database) <= headBefore
        else { return }
        report("request \(request) to \(database) was acknowledged, and nothing was published since it was sent")
    }

    private func report(_ what: String) {
        if found == nil { found = what }
    }

    private func name(_ database: DatabaseID) -> String { fleet.name(of: database) ?? "the managers' lease" }
}
