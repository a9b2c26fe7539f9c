import Changesets
import FleetModel
import FleetStore
import Replication
import Synchronization

/// The segment rows of some databases, in memory.
final class PublishedSegments: SegmentSource {
    private let rows = Mutex<[DatabaseID: [Segment]]>([:])

    func add(_ segments: [Segment]) {
        rows.withLock { rows in
            for segment in segments { rows[segment.entry.database, default: []].append(segment) }
        }
    }

    func all(of database: DatabaseID) -> [Segment] { rows.withLock { $0[database] ?? [] } }

    func change(_ database: DatabaseID, _ body: (inout [Segment]) -> Void) {
        rows.withLock { rows in body(&rows[database, default: []]) }
    }

    func segments(
        of database: DatabaseID, after seq: UInt64, through last: UInt64
    ) async throws(BerthError) -> [Segment] {
        all(of: database).filter { $0.entry.lastSeq > seq && $0.entry.lastSeq <= last }
    }

    func checksum(of database: DatabaseID, at seq: UInt64) async throws(BerthError) -> UInt64? {
        all(of: database).last { $0.entry.lastSeq == seq }?.entry.checksum
    }
}
