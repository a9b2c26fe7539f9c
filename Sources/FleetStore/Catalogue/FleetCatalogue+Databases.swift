public import FleetModel
import Foundation

extension FleetCatalogue {
    /// Creates a database with its lease and its placement, at once or not at all.
    ///
    /// - Throws: `database_exists` when the name is taken.
    public func createDatabase(_ record: DatabaseRecord, on node: NodeName) async throws(BerthError) {
        let rows = try await run("""
            with created as (
                insert into databases (id, name, engine, durability, foreign_keys) values ($1, $2, $3, $4, $6)
                on conflict (name) do nothing returning id),
            lease as (insert into leases (database) select id from created),
            placed as (
                insert into placements (database, leader, term) select id, $5, 0 from created returning leader)
            select berth_hint('placements', array_agg(leader)) from placed having count(*) > 0
            """, [
                .uuid(record.id.uuid), .text(record.name.description), .text(record.engine.rawValue),
                .text(record.durability.rawValue), .text(node.description), .bool(record.settings.foreignKeys),
            ])
        if rows.isEmpty {
            throw BerthError(.databaseExists, "A database named “\(record.name)” exists already. Choose another name.")
        }
    }

    /// - Throws: `database_not_found`.
    public func database(named name: DatabaseName) async throws(BerthError) -> DatabaseStatus {
        let rows = try await run(Self.statusSQL + " where d.name = $1", [.text(name.description)])
        guard let row = rows.first else { throw Self.notFound(name) }
        return try status(row)
    }

    /// - Returns: `nil` when there is no such database.
    public func database(_ id: DatabaseID) async throws(BerthError) -> DatabaseStatus? {
        guard let row = try await run(Self.statusSQL + " where d.id = $1", [.uuid(id.uuid)]).first else { return nil }
        return try status(row)
    }

    /// Databases in the order of their names, without those of a kind this program does not know.
    ///
    /// - Parameters:
    ///   - after: the last name of the page before.
    ///   - leader: only databases led by this node.
    ///   - prefix: only names that begin so.
    public func databases(
        after: String? = nil, leader: NodeName? = nil, prefix: String? = nil, limit: Int
    ) async throws(BerthError) -> [DatabaseStatus] {
        let rows = try await run(
            Self.statusSQL + """
                 where \(KnownWords.ofDatabase) and ($1::text is null or d.name > $1) and ($2::text is null or s.node = $2)
                   and ($3::text is null or starts_with(d.name, $3))
                 order by d.name limit $4
                """,
            [
                after.map { .text($0) } ?? .null, leader.map { .text($0.description) } ?? .null,
                prefix.map { .text($0) } ?? .null, .int8(Int64(limit)),
            ])
        var page: [DatabaseStatus] = []
        page.reserveCapacity(rows.count)
        for row in rows { page.append(try status(row)) }
        return page
    }

    /// The records of `ids`; those that do not exist, or are of a kind this program does not know, are missing from the answer.
    public func records(of ids: [DatabaseID]) async throws(BerthError) -> [DatabaseRecord] {
        let rows = try await run("select * from databases d where d.id = any($1::uuid[]) and \(KnownWords.ofDatabase)", [.array(ids)])
        var records: [DatabaseRecord] = []
        for row in rows { records.append(try record(row)) }
        return records
    }

    /// Where `name` is served.
    ///
    /// - Throws: `database_not_found`.
    public func route(to name: DatabaseName) async throws(BerthError) -> RouteRecord {
        let rows = try await run("""
            select d.id, d.name, l.epoch, s.id as session, s.node, s.address
            from databases d join leases l on l.database = d.id
            left join sessions s on s.id = l.session and s.ended_at is null
            where d.name = $1
            """, [.text(name.description)])
        guard let row = rows.first else { throw Self.notFound(name) }
        return try value {
            RouteRecord(
                database: DatabaseID(try row.uuid("id")), name: name, epoch: Epoch(try row.int64("epoch")),
                session: try row.optionalUUID("session").map { SessionID($0) },
                node: try row.optionalString("node").map { try NodeName($0) }, address: try row.optionalString("address"))
        }
    }

    static func notFound(_ name: DatabaseName) -> BerthError {
        BerthError(.databaseNotFound, "There is no database named “\(name)”. `berth db list` shows those there are.")
    }

    private static let statusSQL = """
        select d.*, p.leader as placed_on, l.epoch, l.head_seq, l.head_checksum,
               s.id as session, s.node as leader_node, s.address as leader_address, p.refused_code, p.refused_reason,
               -- A program that does not tell protocols does not tell what it served either: leading is all that is known of it.
               case when s.protocol_version = 0 then l.epoch else o.served_epoch end as served_epoch, o.failed_seq, o.failed_code, o.failed_reason, o.failed_at, o.opens_seq, o.verified_seq, o.verified_at,
               o.quarantined_until, o.quarantine_reason, o.quarantined_until > now() as is_quarantined
        from databases d join placements p on p.database = d.id join leases l on l.database = d.id
        left join sessions s on s.id = l.session and s.ended_at is null
        left join openings o on o.database = d.id
        """

    private func status(_ row: PostgresRow) throws(BerthError) -> DatabaseStatus {
        let record = try record(row)
        return try value {
            DatabaseStatus(
                record: record, placedOn: try NodeName(try row.string("placed_on")),
                leader: try row.optionalString("leader_node").map { try NodeName($0) },
                leaderSession: try row.optionalUUID("session").map { SessionID($0) },
                leaderAddress: try row.optionalString("leader_address"), epoch: Epoch(try row.int64("epoch")),
                head: ChainPosition(seq: try row.bits("head_seq"), checksum: try row.bits("head_checksum")),
                servedEpoch: try row.optionalInt64("served_epoch").map { Epoch($0) }, unopenable: try unopenable(row),
                quarantine: try quarantine(row),
                refusal: try row.optionalString("refused_code").map {
                    OpeningRefusal(code: $0, reason: try row.optionalString("refused_reason") ?? "")
                },
                verified: try row.optionalBits("verified_seq").map { VerifiedState(seq: $0, at: try row.date("verified_at")) })
        }
    }

    private func quarantine(_ row: PostgresRow) throws -> QuarantineState? {
        guard try row.optionalBool("is_quarantined") == true else { return nil }
        return QuarantineState(until: try row.date("quarantined_until"), reason: try row.optionalString("quarantine_reason") ?? "")
    }

    private func unopenable(_ row: PostgresRow) throws -> UnopenableState? {
        try row.optionalBits("failed_seq").map {
            UnopenableState(
                seq: $0, code: try row.optionalString("failed_code") ?? "",
                reason: try row.optionalString("failed_reason") ?? "", since: try row.optionalDate("failed_at"),
                opensSeq: try row.optionalBits("opens_seq"))
        }
    }

    private func record(_ row: PostgresRow) throws(BerthError) -> DatabaseRecord {
        try value {
            guard let durability = Durability(rawValue: try row.string("durability")) else { throw Self.unknownWord("durability") }
            return DatabaseRecord(
                id: DatabaseID(try row.uuid("id")), name: try DatabaseName(try row.string("name")), engine: try Self.engine(row),
                durability: durability, settings: DatabaseSettings(foreignKeys: try row.bool("foreign_keys")),
                createdAt: try row.date("created_at"))
        }
    }

    static func engine(_ row: PostgresRow) throws -> EngineKind {
        guard let engine = EngineKind(rawValue: try row.string("engine")) else { throw unknownWord("engine") }
        return engine
    }

    private static func unknownWord(_ column: String) -> BerthError {
        BerthError(.schemaMismatch, "The catalogue names a kind of \(column) this program does not know. Upgrade it.")
    }
}
