public import Changesets
public import FleetModel

/// A changeset and the object that holds it.
public struct Segment: Sendable, Hashable {
    /// Name of the bundle.
    public var bundle: String
    public var entry: BundleEntry

    public init(bundle: String, entry: BundleEntry) {
        self.bundle = bundle
        self.entry = entry
    }
}

extension FleetCatalogue {
    /// The changesets of `database` after `seq`, up to and including `last`, in order.
    public func segments(
        of database: DatabaseID, after seq: UInt64, through last: UInt64
    ) async throws(BerthError) -> [Segment] {
        let rows = try await run("""
            select s.*, b.name from segments s join bundles b on b.id = s.bundle
            where s.database = $1 and s.kind = 0 and s.last_seq > $2 and s.last_seq <= $3
            order by s.last_seq
            """, [.uuid(database.uuid), .bits(seq), .bits(last)])
        return try value {
            try rows.map { row in
                guard let kind = ChangesetKind(rawValue: UInt8(truncatingIfNeeded: try row.int64("kind"))),
                    let compression = BundleEntry.Compression(
                        rawValue: UInt8(truncatingIfNeeded: try row.int64("compression")))
                else { throw BerthError(.schemaMismatch, "A segment is of a kind this program does not know. Upgrade it.") }
                return Segment(
                    bundle: try row.string("name"),
                    entry: BundleEntry(
                        database: database, epoch: Epoch(try row.int64("epoch")), kind: kind,
                        firstSeq: try row.bits("first_seq"), lastSeq: try row.bits("last_seq"),
                        previousChecksum: try row.bits("previous_checksum"), checksum: try row.bits("checksum"),
                        pageSize: UInt32(try row.int64("page_size")), offset: try row.bits("byte_offset"),
                        storedLength: try row.bits("stored_length"), rawLength: try row.bits("raw_length"),
                        compression: compression, storedChecksum: try row.bits("stored_checksum"),
                        createdAt: try row.int64("created_ms")))
            }
        }
    }

    /// The chain value after `seq`; `nil` when no changeset ends there.
    public func checksum(of database: DatabaseID, at seq: UInt64) async throws(BerthError) -> UInt64? {
        let rows = try await run(
            "select checksum from segments where database = $1 and kind = 0 and last_seq = $2",
            [.uuid(database.uuid), .bits(seq)])
        return try value { try rows.first.map { try $0.bits("checksum") } }
    }

    // MARK: Sweeping (rule 13)

    /// Those of `names` that were not published.
    public func unpublished(_ names: [String]) async throws(BerthError) -> [String] {
        let rows = try await run("""
            select n.name from unnest($1::text[]) as n (name) where not exists (select 1 from bundles b where b.name = n.name and not b.tombstone)
            """, [.array(names)])
        return try value { try rows.map { try $0.string("name") } }
    }

    /// Takes the name of an object that was stored and not published, so that it never will be.
    ///
    /// - Returns: the names whose tombstone is committed, now or earlier; the object of no other may be deleted.
    public func tombstone(_ names: [String], under term: ManagerTerm) async throws(BerthError) -> [String] {
        let rows = try await run("""
            with \(ManagerTerm.guardSQL)
            insert into bundles (name, bytes, entries, tombstone)
            select n.name, 0, 0, true from unnest($3::text[]) as n (name), term
            on conflict (name) do update set tombstone = true where bundles.tombstone returning name
            """, term.parameters + [.array(names)])
        let tombstoned = try value { try rows.map { try $0.string("name") } }
        invariant(Set(tombstoned).isSubset(of: names), "a bundle got a tombstone that was not meant")
        return tombstoned
    }

    /// Sessions of nodes that ended at least `grace` ago and whose unpublished objects may still be in the bucket.
    public func unsweptSessions(
        grace: Duration, limit: Int
    ) async throws(BerthError) -> [(session: SessionID, node: NodeName)] {
        let rows = try await run("""
            select id, node from sessions
            where swept_at is null and role = 'node' and ended_at < now() - make_interval(secs => $1::double precision)
            order by ended_at limit $2
            """, [.double(grace.seconds), .int8(Int64(limit))])
        return try value { try rows.map { (SessionID(try $0.uuid("id")), try NodeName(try $0.string("node"))) } }
    }

    /// Says that nothing unpublished of `session` is left in the bucket, while `term` holds: a manager whose term is
    /// over could place no tombstones and so deleted nothing.
    public func markSwept(_ session: SessionID, under term: ManagerTerm) async throws(BerthError) {
        _ = try await run("""
            with \(ManagerTerm.guardSQL)
            update sessions s set swept_at = now() from term where s.id = $3
            """, term.parameters + [.uuid(session.uuid)])
    }
}
