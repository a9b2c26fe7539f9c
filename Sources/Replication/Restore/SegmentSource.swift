public import FleetModel
public import FleetStore

/// Where a restore learns which objects hold a database.
public protocol SegmentSource: Sendable {
    /// The changesets after `seq` up to and including `last`, in order.
    func segments(
        of database: DatabaseID, after seq: UInt64, through last: UInt64
    ) async throws(BerthError) -> [Segment]

    /// The chain value after `seq`; `nil` when no changeset ends there.
    func checksum(of database: DatabaseID, at seq: UInt64) async throws(BerthError) -> UInt64?
}

extension FleetCatalogue: SegmentSource {}
