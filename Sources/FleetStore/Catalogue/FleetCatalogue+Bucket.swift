public import FleetModel
public import Foundation

/// Which bucket is the fleet's.
extension FleetCatalogue {
    /// What the marker of this fleet's bucket says; `nil` before a process has found the bucket.
    public func bucket() async throws(BerthError) -> UUID? {
        let rows = try await run("select bucket from fleet")
        guard let row = rows.first else { throw BerthError(.schemaMismatch, "The table fleet is empty. Run `berth migrate`.") }
        return try value { try row.optionalUUID("bucket") }
    }

    /// Writes down whose marker the fleet's bucket has, unless that is known.
    ///
    /// - Returns: what is written down now.
    public func claimBucket(_ marker: UUID) async throws(BerthError) -> UUID {
        let rows = try await run("update fleet set bucket = coalesce(bucket, $1) returning bucket", [.uuid(marker)])
        guard let row = rows.first else { throw BerthError(.schemaMismatch, "The table fleet is empty. Run `berth migrate`.") }
        return try value { try row.uuid("bucket") }
    }

    /// The object that was published last; `nil` before the first.
    public func newestBundle() async throws(BerthError) -> String? {
        let rows = try await run("select name from bundles where not tombstone order by id desc limit 1")
        return try value { try rows.first?.string("name") }
    }
}
