import Changesets
public import FleetModel
public import Leases

/// Which Postgres this is: rule 12.
public struct StoreGeneration: Sendable, Hashable, CustomStringConvertible {
    public var systemIdentifier: String
    public var timeline: Int64

    public var description: String { "system \(systemIdentifier), timeline \(timeline)" }
}

/// A lease as it is to be after the store was adopted.
public struct AdoptedLease: Sendable, Hashable {
    public var database: DatabaseID
    /// Above every epoch any bundle was written under.
    public var epoch: Epoch
    public var head: ChainPosition
    /// Changesets that lie in the bucket and that the store forgot, in order.
    public var forgotten: [Segment]

    public init(database: DatabaseID, epoch: Epoch, head: ChainPosition, forgotten: [Segment]) {
        self.database = database
        self.epoch = epoch
        self.head = head
        self.forgotten = forgotten
    }
}

extension FleetCatalogue {
    /// The generation the fleet runs on, and the one of the server that answers.
    public func generations() async throws(BerthError) -> (fleet: StoreGeneration, server: StoreGeneration) {
        let rows = try await run("""
            select f.system_identifier as fleet_system, f.timeline as fleet_timeline, g.system_identifier, g.timeline
            from fleet f, berth_store_generation() g
            """)
        guard let row = rows.first else { throw BerthError(.schemaMismatch, "The table fleet is empty. Run `berth migrate`.") }
        return try value {
            (
                StoreGeneration(systemIdentifier: try row.string("fleet_system"), timeline: try row.int64("fleet_timeline")),
                StoreGeneration(systemIdentifier: try row.string("system_identifier"), timeline: try row.int64("timeline"))
            )
        }
    }

    /// Every lease of a database.
    public func allLeases() async throws(BerthError) -> [Lease] {
        let rows = try await run(
            "select l.* from leases l join databases d on d.id = l.database order by l.database")
        return try value {
            try rows.map { row in
                Lease(
                    database: DatabaseID(try row.uuid("database")), epoch: Epoch(try row.int64("epoch")),
                    head: ChainPosition(seq: try row.bits("head_seq"), checksum: try row.bits("head_checksum")))
            }
        }
    }

    /// Makes the server that answers the fleet's store: ends the sessions of the former one, raises epochs, restores what
    /// was forgotten. All of it or nothing.
    public func adopt(_ server: StoreGeneration, leases: [AdoptedLease]) async throws(BerthError) {
        do {
            try await pool.transaction { transaction in
                _ = try await transaction.query("select pg_advisory_xact_lock(hashtext('berth adopt'))")
                _ = try await transaction.query("""
                    update sessions set ended_at = now(), end_reason = 'the store was replaced'
                    where ended_at is null and (system_identifier <> $1 or timeline <> $2)
                    """, [.text(server.systemIdentifier), .int8(server.timeline)])
                _ = try await transaction.query(
                    "update leases set session = null, epoch = epoch + 1 where database = $1",
                    [.uuid(DatabaseID.managerLease.uuid)])
                for lease in leases {
                    for segment in lease.forgotten { try await Self.insert(segment, in: transaction) }
                    _ = try await transaction.query("""
                        update leases set session = null, epoch = $2, head_seq = $3, head_checksum = $4 where database = $1
                        """, [
                            .uuid(lease.database.uuid), .int8(lease.epoch.value), .bits(lease.head.seq),
                            .bits(lease.head.checksum),
                        ])
                }
                _ = try await transaction.query(
                    "update fleet set system_identifier = $1, timeline = $2",
                    [.text(server.systemIdentifier), .int8(server.timeline)])
            }
        } catch let error as PostgresError { throw error.berthError } catch {
            throw BerthError(.internalError, "The store could not be adopted: \(error)")
        }
    }

    private static func insert(_ segment: Segment, in transaction: PostgresTransaction) async throws {
        let entry = segment.entry
        _ = try await transaction.query(
            "insert into bundles (name, bytes, entries) values ($1, 0, 0) on conflict (name) do nothing", [.text(segment.bundle)])
        _ = try await transaction.query("""
            insert into segments (
                database, last_seq, kind, first_seq, epoch, previous_checksum, checksum, page_size, bundle, byte_offset,
                stored_length, raw_length, compression, stored_checksum, created_ms)
            select $1, $2, $3, $4, $5, $6, $7, $8, b.id, $10, $11, $12, $13, $14, $15 from bundles b
            where b.name = $9 and not b.tombstone
            """, [
                .uuid(entry.database.uuid), .bits(entry.lastSeq), .int8(Int64(entry.kind.rawValue)), .bits(entry.firstSeq),
                .int8(entry.epoch.value), .bits(entry.previousChecksum), .bits(entry.checksum), .int8(Int64(entry.pageSize)),
                .text(segment.bundle), .bits(entry.offset), .bits(entry.storedLength), .bits(entry.rawLength),
                .int8(Int64(entry.compression.rawValue)), .bits(entry.storedChecksum), .int8(entry.createdAt),
            ])
    }

    /// Names of bundles that carry a tombstone.
    public func tombstonedBundles() async throws(BerthError) -> Set<String> {
        let rows = try await run("select name from bundles where tombstone")
        return Set(try value { try rows.map { try $0.string("name") } })
    }
}
