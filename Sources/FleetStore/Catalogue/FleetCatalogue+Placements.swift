public import FleetModel

extension FleetCatalogue {
    /// Writes where databases should be led, while `term` holds.
    ///
    /// - Parameter moves: the new leader of each database; `from` must still be what is written, so that a decision
    ///   made on an old view changes nothing.
    /// - Returns: the databases whose placement changed.
    @discardableResult
    public func place(
        _ moves: [(database: DatabaseID, from: NodeName, to: NodeName)], by operation: OperationID? = nil, under term: ManagerTerm
    ) async throws(BerthError) -> Set<DatabaseID> {
        let rows = try await run("""
            with \(ManagerTerm.guardSQL),
            wanted as (
                select * from unnest($3::uuid[], $4::text[], $5::text[]) as m (database, old_leader, new_leader)),
            placed as (
                update placements p set leader = w.new_leader, term = $2, placed_at = now(),
                    prepared_session = null, prepared_copy = null, declined = false, refused_code = null, refused_reason = null,
                    placed_by = coalesce($6, p.placed_by)
                from wanted w, term
                where p.database = w.database and p.leader = w.old_leader
                returning p.database, w.old_leader, w.new_leader)
            select database,
                (select berth_hint('placements', array_agg(distinct n)) from placed, unnest(array[old_leader, new_leader]) n)
            from placed
            """, term.parameters + [
                .array(moves.map(\.database)), .array(moves.map(\.from.description)), .array(moves.map(\.to.description)),
                PostgresValue(operation),
            ])
        let placed = Set(try value { try rows.map { DatabaseID(try $0.uuid("database")) } })
        invariant(placed.isSubset(of: moves.map(\.database)), "a database was placed that was not meant")
        return placed
    }

    /// What `operation` has placed, wherever it was placed since.
    public func placed(by operation: OperationID) async throws(BerthError) -> [DatabaseID] {
        let rows = try await run("select database from placements where placed_by = $1 order by database", [.uuid(operation.uuid)])
        return try value { try rows.map { DatabaseID(try $0.uuid("database")) } }
    }

    /// Databases that need another leader: their holder's session ended, or nobody holds them and their node is absent or
    /// could not serve them. Not those of a kind this program does not know: it could not tell which node has what they need.
    ///
    /// - Parameter absent: nodes that have been without a session for too long to be merely restarting.
    /// - Returns: each with the node it is placed on, in the order of their identifiers.
    public func orphans(
        absent: [NodeName], limit: Int
    ) async throws(BerthError) -> [PlacedDatabase] {
        let rows = try await run("""
            select p.database, d.engine, p.leader, p.refused_code is not null as refused
            from placements p join databases d on d.id = p.database join leases l on l.database = p.database
            left join sessions s on s.id = l.session
            where \(KnownWords.ofDatabase) and (
                   (s.ended_at is not null
                   and (s.node = p.leader
                        or not exists (select 1 from sessions live where live.node = p.leader and live.role = 'node'
                                       and live.ended_at is null)))
               or (s.id is null and (p.declined or p.leader = any($2::text[]))))
            order by p.database limit $1
            """, [.int8(Int64(limit)), .array(absent.map(\.description))])
        return try value { try rows.map(Self.placedDatabase) }
    }

    private static func placedDatabase(_ row: PostgresRow) throws -> PlacedDatabase {
        PlacedDatabase(
            database: DatabaseID(try row.uuid("database")), engine: try engine(row), placedOn: try NodeName(try row.string("leader")),
            isRefused: try row.bool("refused"))
    }

    /// Databases whose move goes to a node that is absent while another still leads them.
    ///
    /// - Returns: each with the node it is placed on and the one that leads it.
    public func stranded(
        on absent: [NodeName], limit: Int
    ) async throws(BerthError) -> [(database: DatabaseID, placedOn: NodeName, leader: NodeName)] {
        let rows = try await run("""
            select p.database, p.leader, s.node
            from placements p join leases l on l.database = p.database
            join sessions s on s.id = l.session and s.ended_at is null
            where p.leader = any($2::text[]) and s.node <> p.leader
            order by p.database limit $1
            """, [.int8(Int64(limit)), .array(absent.map(\.description))])
        return try value {
            try rows.map {
                (DatabaseID(try $0.uuid("database")), try NodeName(try $0.string("leader")), try NodeName(try $0.string("node")))
            }
        }
    }

    /// Databases placed on `node` or led by it: all of them, so that a node is not called empty that is not.
    ///
    /// - Throws: `schema_mismatch` when one is of a kind this program does not know.
    /// - Returns: each with the node it is placed on.
    public func databases(
        on node: NodeName, limit: Int
    ) async throws(BerthError) -> [PlacedDatabase] {
        let rows = try await run("""
            select p.database, d.engine, p.leader, p.refused_code is not null as refused
            from placements p join databases d on d.id = p.database where p.leader = $1
            union
            select p.database, d.engine, p.leader, p.refused_code is not null from sessions s join leases l on l.session = s.id
            join placements p on p.database = l.database join databases d on d.id = p.database
            where s.node = $1 and s.ended_at is null
            order by 1 limit $2
            """, [.text(node.description), .int8(Int64(limit))])
        return try value { try rows.map(Self.placedDatabase) }
    }

    // MARK: What a node asks

    /// Databases placed on `node` that `session` does not hold, of the kinds this program knows.
    public func assignments(to node: NodeName, session: SessionID) async throws(BerthError) -> [Assignment] {
        let rows = try await run("""
            select p.database, d.engine, s.id as held_by, l.epoch, l.head_seq, l.head_checksum,
                   p.prepared_session is not distinct from $2 as prepared
            from placements p join databases d on d.id = p.database join leases l on l.database = p.database
            left join sessions s on s.id = l.session and s.ended_at is null
            where p.leader = $1 and l.session is distinct from $2 and \(KnownWords.ofDatabase)
            """, [.text(node.description), .uuid(session.uuid)])
        return try value {
            try rows.map { row in
                Assignment(
                    database: DatabaseID(try row.uuid("database")), engine: try Self.engine(row),
                    heldBy: try row.optionalUUID("held_by").map { SessionID($0) }, epoch: Epoch(try row.int64("epoch")),
                    head: ChainPosition(seq: try row.bits("head_seq"), checksum: try row.bits("head_checksum")),
                    isPrepared: try row.bool("prepared"))
            }
        }
    }

    /// Databases `session` leads that are placed on another node.
    public func handovers(from node: NodeName, session: SessionID) async throws(BerthError) -> [Handover] {
        let rows = try await run("""
            select l.database, p.leader, s.id as successor, p.prepared_copy
            from leases l join placements p on p.database = l.database
            left join sessions s on s.id = p.prepared_session and s.ended_at is null and s.revoked_at is null
            where l.session = $2 and p.leader <> $1
            """, [.text(node.description), .uuid(session.uuid)])
        return try value {
            try rows.map { row in
                Handover(
                    database: DatabaseID(try row.uuid("database")), placedOn: try NodeName(try row.string("leader")),
                    successor: try row.optionalUUID("successor").map { SessionID($0) },
                    copy: try row.optionalUUID("prepared_copy").map { CopyID($0) })
            }
        }
    }

    /// Says that `node` gave up the leases of `databases` because it cannot serve them: a manager places them elsewhere.
    public func decline(_ databases: [DatabaseID], on node: NodeName) async throws(BerthError) {
        _ = try await run(
            "update placements set declined = true where database = any($2::uuid[]) and leader = $1",
            [.text(node.description), .array(databases)])
    }

    /// Says that `session` on `node` holds copies and is ready to take these databases over.
    public func declarePrepared(
        _ copies: [(database: DatabaseID, copy: CopyID)], on node: NodeName, session: SessionID
    ) async throws(BerthError) {
        _ = try await run("""
            with prepared as (
                update placements p set prepared_session = $2, prepared_copy = c.copy, refused_code = null, refused_reason = null
                from unnest($3::uuid[], $4::uuid[]) as c (database, copy)
                where p.database = c.database and p.leader = $1
                returning p.database)
            select berth_hint('placements', (
                select array_agg(distinct s.node) from prepared join leases l on l.database = prepared.database
                join sessions s on s.id = l.session))
            """, [
                .text(node.description), .uuid(session.uuid), .array(copies.map(\.database)),
                .array(copies.map(\.copy)),
            ])
    }
}
