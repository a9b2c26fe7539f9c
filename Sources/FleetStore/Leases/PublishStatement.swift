import Changesets
import FleetModel
import Leases

/// Rule 6 as one statement, whatever the number of databases.
///
/// The lease rows are locked first, in key order, in the expression that also carries the entries' columns; all that
/// follows joins that expression by key. Written as two expressions joined to each other the same is quadratic.
enum PublishStatement {
    static let sql = """
        with mine as materialized (
            select e.* from unnest(
                $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::integer[],
                $11::bigint[], $12::bigint[], $13::bigint[], $14::smallint[], $15::bigint[], $16::bigint[])
                as e (database, epoch, first_seq, last_seq, previous_checksum, checksum, page_size,
                      byte_offset, stored_length, raw_length, compression, stored_checksum, created_ms)
            join leases l on l.database = e.database
            where l.session = $1 and l.epoch = e.epoch
              and l.head_seq = e.first_seq - 1 and l.head_checksum = e.previous_checksum
              and (select berth_is_current($1))
            order by l.database for update of l),
        bundle as (
            insert into bundles (name, session, bytes, entries)
            select $2, $1, $3, count(*) from mine having count(*) > 0
            returning id),
        moved as (
            update leases l set head_seq = mine.last_seq, head_checksum = mine.checksum
            from mine where l.database = mine.database
            returning mine.*)
        insert into segments (
            database, last_seq, kind, first_seq, epoch, previous_checksum, checksum, page_size, bundle,
            byte_offset, stored_length, raw_length, compression, stored_checksum, created_ms)
        select m.database, m.last_seq, 0, m.first_seq, m.epoch, m.previous_checksum, m.checksum, m.page_size, bundle.id,
               m.byte_offset, m.stored_length, m.raw_length, m.compression, m.stored_checksum, m.created_ms
        from moved m, bundle
        returning database
        """

    static func parameters(_ publication: Publication) -> [PostgresValue] {
        let entries = publication.entries
        invariant(entries.allSatisfy { $0.kind == .delta && $0.firstSeq <= $0.lastSeq }, "only changesets that follow a head advance it")
        func bits(_ column: (BundleEntry) -> UInt64) -> PostgresValue {
            .array(entries.map { Int64(bitPattern: column($0)) })
        }
        return [
            .uuid(publication.session.uuid), .text(publication.bundle), .int8(publication.bytes),
            .array(entries.map(\.database)),
            .array(entries.map(\.epoch.value)),
            bits(\.firstSeq), bits(\.lastSeq), bits(\.previousChecksum), bits(\.checksum),
            .array(entries.map { Int64($0.pageSize) }),
            bits { UInt64($0.offset) }, bits { UInt64($0.storedLength) }, bits { UInt64($0.rawLength) },
            .array(entries.map { Int64($0.compression.rawValue) }),
            bits(\.storedChecksum),
            .array(entries.map(\.createdAt)),
        ]
    }
}
