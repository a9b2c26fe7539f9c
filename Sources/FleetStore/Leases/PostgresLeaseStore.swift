public import FleetModel
import Changesets
import Foundation
public import Leases

/// The `LeaseStore` of a fleet.
///
/// READ COMMITTED re-evaluates conditions only on the row a statement locks, so every statement here either locks the
/// lease rows first, in the order of their keys, or repeats what it read of them in its own condition.
public struct PostgresLeaseStore: LeaseStore {
    private let renewals: PostgresConnection
    private let work: PostgresConnection

    /// - Parameters:
    ///   - renewals: used for renewals alone, so that no batch delays one.
    ///   - work: used for everything else.
    public init(renewals: PostgresConnection, work: PostgresConnection) {
        self.renewals = renewals
        self.work = work
    }

    // MARK: Sessions

    public func openSession(_ session: NewSession) async throws(LeaseStoreError) {
        let opened = try await run(work, """
            with opened as (
                insert into sessions (id, node, role, address, system_identifier, timeline,
                                      ttl_ms, program_version, protocol_version, format_version)
                select $1, $2, $3, $4, g.system_identifier, g.timeline, $6, $7, $8, $9
                from berth_store_generation() g
                join fleet f on f.system_identifier = g.system_identifier and f.timeline = g.timeline
                where f.write_format <= $9
                for share of f
                on conflict (id) do nothing
                returning node, role, address),
            registered as (
                insert into nodes (name, address, engines) select node, address, $5::text[] from opened where role = 'node'
                on conflict (name) do update set address = excluded.address, engines = excluded.engines)
            select berth_hint('sessions', array_agg(node)) from opened having count(*) > 0
            """,
            [.uuid(session.id.uuid), .text(session.node.description), .text(session.role.rawValue), .text(session.address),
                .array(session.engines.map(\.rawValue).sorted()), .int8(session.timing.ttl.millisecondsRoundedUp),
                .text(session.program.name), .int8(Int64(session.program.protocol)), .int8(Int64(session.program.format)),
            ])
        if opened.isEmpty {
            try await requireSameGeneration()
            try await requireKnownFormat(session.program)
            throw .sessionEnded
        }
    }

    /// A process that could not read what the others may write does not take part.
    private func requireKnownFormat(_ program: ProgramVersion) async throws(LeaseStoreError) {
        let rows = try await run(work, "select write_format from fleet where write_format > $1", [.int8(Int64(program.format))])
        guard let row = rows.first else { return }
        throw .programTooOld(
            "This program (\(program.name)) reads formats up to \(program.format), and the fleet writes format "
                + "\(try value { try row.int("write_format") }). Start the newer program")
    }

    private func requireSameGeneration() async throws(LeaseStoreError) {
        let rows = try await run(work, """
            select f.system_identifier = g.system_identifier and f.timeline = g.timeline as same,
                   format('This fleet was created on Postgres system %s, timeline %s; the server that answers is system %s, timeline %s',
                          f.system_identifier, f.timeline, g.system_identifier, g.timeline) as difference
            from fleet f, berth_store_generation() g
            """)
        guard let row = rows.first else { throw .refused("the table fleet is empty") }
        if try !value({ try row.bool("same") }) { throw .generationChanged(try value { try row.string("difference") }) }
    }

    public func renew(_ session: SessionID) async throws(LeaseStoreError) -> Renewal {
        let renewed = try await run(renewals, """
            update sessions s set renewals = s.renewals + 1
            from berth_store_generation() g
            where s.id = $1 and s.ended_at is null and s.revoked_at is null
              and s.system_identifier = g.system_identifier and s.timeline = g.timeline
            returning s.renewals
            """, [.uuid(session.uuid)])
        if !renewed.isEmpty { return .renewed }

        let rows = try await run(
            renewals, "select ended_at is not null as ended, revoked_at is not null as revoked from sessions where id = $1",
            [.uuid(session.uuid)])
        guard let row = rows.first else { return .refused(.unknownSession) }
        if try value({ try row.bool("ended") }) { return .refused(.ended) }
        if try value({ try row.bool("revoked") }) { return .refused(.revoked) }
        return .refused(.generationChanged)
    }

    public func liveSessions() async throws(LeaseStoreError) -> [SessionRecord] {
        let rows = try await run(work, """
            select id, node, role, address, renewals, revoked_at is not null as revoked, ttl_ms
            from sessions where ended_at is null order by id
            """)
        return try value {
            try rows.map { row in
                SessionRecord(
                    id: SessionID(try row.uuid("id")), node: try NodeName(try row.string("node")),
                    role: SessionRole(rawValue: try row.string("role")) ?? .node, address: try row.string("address"),
                    renewals: try row.int64("renewals"), isRevoked: try row.bool("revoked"),
                    ttl: .milliseconds(try row.int64("ttl_ms")))
            }
        }
    }

    public func endSession(
        _ session: SessionID, seen renewals: Int64, reason: String
    ) async throws(LeaseStoreError) -> Bool {
        let ended = try await run(work, """
            with ended as (
                update sessions set ended_at = now(), end_reason = $3
                where id = $1 and ended_at is null and renewals = $2
                returning node)
            select berth_hint('sessions', array_agg(node)) from ended having count(*) > 0
            """, [.uuid(session.uuid), .int8(renewals), .text(reason)])
        return !ended.isEmpty
    }

    @discardableResult
    public func endOwnSession(
        _ session: SessionID, node: NodeName, reason: String
    ) async throws(LeaseStoreError) -> Bool {
        // One that was never opened has no address, also when it was recorded as ended before.
        let rows = try await run(work, """
            with opened as (select address <> '' as opened from sessions where id = $1),
            ended as (
                insert into sessions (id, node, role, address, system_identifier, timeline, ended_at, end_reason)
                select $1, $2, 'node', '', g.system_identifier, g.timeline, now(), $3 from berth_store_generation() g
                on conflict (id) do update set ended_at = now(), end_reason = excluded.end_reason
                    where sessions.ended_at is null
                returning node)
            select coalesce((select opened from opened), false) as opened,
                   (select berth_hint('sessions', array_agg(node)) from ended having count(*) > 0)
            """, [.uuid(session.uuid), .text(node.description), .text(reason)])
        return try value { try rows[0].bool("opened") }
    }

    public func revokeSession(_ session: SessionID) async throws(LeaseStoreError) {
        _ = try await run(
            work, "update sessions set revoked_at = now() where id = $1 and revoked_at is null and ended_at is null",
            [.uuid(session.uuid)])
    }

    // MARK: Leases

    public func createLeases(_ databases: [DatabaseID]) async throws(LeaseStoreError) {
        _ = try await run(
            work, "insert into leases (database) select unnest($1::uuid[]) on conflict do nothing", [.array(databases)])
    }

    public func acquire(
        _ databases: [DatabaseID], for session: SessionID
    ) async throws(LeaseStoreError) -> [Lease] {
        // `wanted` holds the newest version of each row, locked; that a session has ended is final, so an older
        // view of `sessions` can only refuse.
        let rows = try await run(work, """
            with me as (
                select id from sessions where id = $1 and ended_at is null and revoked_at is null and berth_is_current($1)),
            wanted as materialized (
                select l.database, l.session from leases l
                where l.database = any($2::uuid[]) order by l.database for update),
            taken as (
                update leases l set session = me.id, epoch = l.epoch + 1
                from me, wanted w left join sessions s on s.id = w.session
                where l.database = w.database and l.session is not distinct from w.session
                  and (w.session is null or s.ended_at is not null)
                returning l.*)
            select t.*, (select berth_hint('leases', array_agg(database::text)) from taken) from taken t
            """, [.uuid(session.uuid), .array(databases)])
        let acquired = try leases(rows)
        invariant(acquired.allSatisfy { $0.session == session }, "a lease was acquired for another session")
        invariant(Set(acquired.map(\.database)).isSubset(of: databases), "a lease was acquired that nobody asked for")
        return acquired
    }

    public func leases(of databases: [DatabaseID]) async throws(LeaseStoreError) -> [Lease] {
        try leases(await run(work, "select * from leases where database = any($1::uuid[]) order by database", [.array(databases)]))
    }

    public func leases(heldBy session: SessionID) async throws(LeaseStoreError) -> [Lease] {
        try leases(await run(work, "select * from leases where session = $1 order by database", [.uuid(session.uuid)]))
    }

    public func transfer(
        _ claim: LeaseClaim, from session: SessionID, to successor: SessionID, copy: CopyID?
    ) async throws(LeaseStoreError) -> Bool {
        let moved = try await run(work, """
            with moved as (
                update leases l set session = s.id, epoch = l.epoch + 1, config_version = l.config_version + 1,
                    in_sync = case when $6::uuid is null then '{}' else array[$6::uuid] end
                from sessions s
                where s.id = $5 and s.ended_at is null and s.revoked_at is null
                  and l.database = $1 and l.session = $2 and l.epoch = $3 and l.head_seq = $4
                  and (select berth_is_current($2)) and (select berth_is_current($5))
                returning l.database)
            select berth_hint('leases', array_agg(database::text)) from moved having count(*) > 0
            """, [
                .uuid(claim.database.uuid), .uuid(session.uuid), .int8(claim.epoch.value), .bits(claim.headSeq),
                .uuid(successor.uuid), copy.map { .uuid($0.uuid) } ?? .null,
            ])
        return !moved.isEmpty
    }

    public func release(
        _ claims: [LeaseClaim], by session: SessionID
    ) async throws(LeaseStoreError) -> Set<DatabaseID> {
        let rows = try await run(work, """
            with mine as materialized (
                select l.database
                from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as c (database, epoch, head_seq)
                join leases l on l.database = c.database
                where l.session = $1 and l.epoch = c.epoch and l.head_seq = c.head_seq and (select berth_is_current($1))
                order by l.database for update of l),
            released as (
                update leases l set session = null from mine where l.database = mine.database returning l.database)
            select r.database, (select berth_hint('leases', array_agg(database::text)) from released) from released r
            """, [
                .uuid(session.uuid), .array(claims.map(\.database)), .array(claims.map(\.epoch.value)),
                .array(claims.map { Int64(bitPattern: $0.headSeq) }),
            ])
        let released = Set(try value { try rows.map { DatabaseID(try $0.uuid("database")) } })
        invariant(released.isSubset(of: claims.map(\.database)), "a lease was released that nobody gave up")
        return released
    }

    public func raiseEpoch(
        _ database: DatabaseID, from epoch: Epoch, by session: SessionID
    ) async throws(LeaseStoreError) -> Lease? {
        let rows = try await run(work, """
            update leases set epoch = epoch + 1 where database = $1 and session = $2 and epoch = $3 and (select berth_is_current($2))
            returning *
            """, [.uuid(database.uuid), .uuid(session.uuid), .int8(epoch.value)])
        let raised = try leases(rows).first
        invariant(raised.map { $0.epoch > epoch && $0.database == database } ?? true, "an epoch was raised that is not higher")
        return raised
    }

    public func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID> {
        let rows: PostgresRows
        do throws(PostgresError) {
            rows = try await work.query(PublishStatement.sql, PublishStatement.parameters(publication))
        } catch {
            if error.isUniqueViolation && error.constraint == "bundles_name_key" { throw .bundleSwept }
            if error.blamesARow { throw .entryRefused(error.description) }
            throw LeaseStoreError(error)
        }
        let published = Set(try value { try rows.map { DatabaseID(try $0.uuid("database")) } })
        invariant(published.isSubset(of: publication.entries.map(\.database)), "a head advanced that was not published")
        // No match on a store that forgot says nothing about the lease: its rows must not be believed.
        if published.count < publication.entries.count { try await requireSameGeneration() }
        return published
    }

    // MARK: Rows and errors

    private func leases(_ rows: PostgresRows) throws(LeaseStoreError) -> [Lease] {
        try value {
            try rows.map { row in
                Lease(
                    database: DatabaseID(try row.uuid("database")),
                    session: try row.optionalUUID("session").map { SessionID($0) },
                    epoch: Epoch(try row.int64("epoch")),
                    head: ChainPosition(seq: try row.bits("head_seq"), checksum: try row.bits("head_checksum")),
                    inSync: try row.uuids("in_sync").map { CopyID($0) },
                    configVersion: try row.int64("config_version"))
            }
        }
    }

    private func value<Value>(_ read: () throws -> Value) throws(LeaseStoreError) -> Value {
        do { return try read() } catch { throw .refused("a row could not be read: \(error)") }
    }

    private func run(
        _ connection: PostgresConnection, _ sql: String, _ parameters: [PostgresValue] = []
    ) async throws(LeaseStoreError) -> PostgresRows {
        do throws(PostgresError) { return try await connection.query(sql, parameters) } catch { throw LeaseStoreError(error) }
    }
}
