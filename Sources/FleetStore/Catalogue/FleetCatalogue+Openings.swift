public import FleetModel

/// What leaders say of opening their databases, and who asks.
extension FleetCatalogue {
    // MARK: Said by nodes

    /// Says that `session` opened these databases in these epochs. Whatever was said before of states that do not open is over.
    public func reportServed(
        _ served: [(database: DatabaseID, epoch: Epoch)], by session: SessionID
    ) async throws(BerthError) {
        _ = try await run("""
            with written as (
                insert into openings (database, served_epoch)
                select l.database, l.epoch from unnest($2::uuid[], $3::bigint[]) as r (database, epoch)
                join leases l on l.database = r.database and l.epoch = r.epoch join databases d on d.id = l.database
                where l.session = $1
                on conflict (database) do update set served_epoch = excluded.served_epoch, failed_seq = null, failed_code = null,
                    failed_reason = null, failed_at = null, opens_seq = null, accepted_seq = null
                returning database),
            heard as (
                update placements p set awaited = false from written w, sessions s
                where p.database = w.database and p.awaited and s.id = $1 and s.node = p.leader returning p.database)
            select berth_hint('operations', (select array_agg(database::text) from heard))
            """, [.uuid(session.uuid), .array(served.map(\.database)), .array(served.map(\.epoch.value))])
    }

    /// Says that what is published of a database does not open, while `session` leads it in `epoch`.
    ///
    /// - Parameter isServed: its leader serves it all the same, because it had it open.
    public func reportUnopenable(
        _ database: DatabaseID, _ state: UnopenableState, isServed: Bool, epoch: Epoch, by session: SessionID
    ) async throws(BerthError) {
        _ = try await run("""
            with written as (
                insert into openings (database, failed_seq, failed_code, failed_reason, failed_at, opens_seq)
                select l.database, $4, $5, $6, now(), $7 from leases l join databases d on d.id = l.database
                where l.database = $1 and l.session = $2 and l.epoch = $3
                on conflict (database) do update set failed_seq = excluded.failed_seq, failed_code = excluded.failed_code,
                    failed_reason = excluded.failed_reason, failed_at = coalesce(openings.failed_at, excluded.failed_at),
                    opens_seq = excluded.opens_seq,
                    accepted_seq = case when openings.failed_seq = excluded.failed_seq then openings.accepted_seq end,
                    served_epoch = case when $8 then openings.served_epoch end
                returning database),
            heard as (select w.database from written w join placements p on p.database = w.database and p.awaited)
            select berth_hint('operations', (select array_agg(database::text) from heard))
            """, [
                .uuid(database.uuid), .uuid(session.uuid), .int8(epoch.value), .bits(state.seq), .text(state.code), .text(state.reason),
                state.opensSeq.map { .bits($0) } ?? .null, .bool(isServed),
            ])
    }

    /// Says that `session`, which leads a database in `epoch`, does not open it for some time.
    public func reportQuarantined(
        _ database: DatabaseID, _ quarantined: Quarantined, epoch: Epoch, by session: SessionID
    ) async throws(BerthError) {
        _ = try await run("""
            insert into openings (database, quarantined_until, quarantine_reason, quarantine_refusals)
            select l.database, now() + $4 * interval '1 millisecond', $5, $6 from leases l join databases d on d.id = l.database
            where l.database = $1 and l.session = $2 and l.epoch = $3
            on conflict (database) do update set quarantined_until = excluded.quarantined_until,
                quarantine_reason = excluded.quarantine_reason, quarantine_refusals = excluded.quarantine_refusals, served_epoch = null
            """, [
                .uuid(database.uuid), .uuid(session.uuid), .int8(epoch.value), .int8(quarantined.remaining.milliseconds),
                .text(quarantined.reason), .int8(Int64(quarantined.refusals)),
            ])
    }

    /// Of these databases those that are in quarantine, or were not long ago.
    public func quarantined(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: Quarantined] {
        let rows = try await run("""
            select database, (extract(epoch from quarantined_until - now()) * 1000)::bigint as remaining, quarantine_reason, quarantine_refusals
            from openings where database = any($1::uuid[]) and quarantined_until > now() - interval '1 day'
            """, [.array(databases)])
        return try value {
            Dictionary(
                uniqueKeysWithValues: try rows.map { row in
                    (
                        DatabaseID(try row.uuid("database")),
                        Quarantined(
                            reason: try row.optionalString("quarantine_reason") ?? "", remaining: .milliseconds(try row.int64("remaining")),
                            refusals: Int(try row.int64("quarantine_refusals")))
                    )
                })
        }
    }

    /// Says that `node` will not take `database` over, because what is published of it does not open there.
    public func refuse(_ database: DatabaseID, _ refusal: OpeningRefusal, on node: NodeName) async throws(BerthError) {
        _ = try await run("""
            with refused as (
                update placements set refused_code = $3, refused_reason = $4 where database = $1 and leader = $2 returning database)
            select berth_hint('operations', (select array_agg(database::text) from refused))
            """, [.uuid(database.uuid), .text(node.description), .text(refusal.code), .text(refusal.reason)])
    }

    // MARK: Asked by nodes

    /// Databases `session` leads, where they are placed, and has not served yet although an operation waits for that.
    public func awaited(by session: SessionID) async throws(BerthError) -> [DatabaseID] {
        let rows = try await run("""
            select p.database from placements p join leases l on l.database = p.database
            join sessions s on s.id = l.session and s.node = p.leader left join openings o on o.database = p.database
            where p.awaited and l.session = $1 and o.served_epoch is distinct from l.epoch
            order by p.database
            """, [.uuid(session.uuid)])
        return try value { try rows.map { DatabaseID(try $0.uuid("database")) } }
    }

    /// The older states that operators let the chains of these databases go on from.
    public func accepted(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: UInt64] {
        let rows = try await run(
            "select database, accepted_seq from openings where database = any($1::uuid[]) and accepted_seq is not null",
            [.array(databases)])
        return try value {
            Dictionary(uniqueKeysWithValues: try rows.map { (DatabaseID(try $0.uuid("database")), try $0.bits("accepted_seq")) })
        }
    }

    // MARK: Checking backups

    /// The database `session` leads whose check is longest ago, of those with something published that was not checked.
    ///
    /// - Parameter age: how long ago a check that went well has to be.
    public func nextToVerify(
        by session: SessionID, after age: Duration, except databases: [DatabaseID]
    ) async throws(BerthError) -> UnverifiedBackup? {
        let rows = try await run("""
            select n.*, (select coalesce(sum(stored_length), 0)::bigint from segments where database = n.database and kind = 0) as bytes
            from (
                select l.database, d.engine, l.head_seq, l.head_checksum
                from leases l join databases d on d.id = l.database left join openings o on o.database = l.database
                where l.session = $1 and l.head_seq > coalesce(o.verified_seq, 0) and not l.database = any($3::uuid[])
                  and (o.verified_at is null or o.verified_at <= now() - make_interval(secs => $2::double precision))
                order by o.verified_at nulls first, l.database limit 1) n
            """, [.uuid(session.uuid), .double(age.seconds), .array(databases)])
        return try value {
            try rows.first.map {
                UnverifiedBackup(
                    database: DatabaseID(try $0.uuid("database")), engine: try Self.engine($0),
                    head: ChainPosition(seq: try $0.bits("head_seq"), checksum: try $0.bits("head_checksum")), bytes: try $0.int64("bytes"))
            }
        }
    }

    /// Says that the published state at `seq` was restored, opened and found good, while `session` leads the database.
    public func reportVerified(_ database: DatabaseID, at seq: UInt64, by session: SessionID) async throws(BerthError) {
        _ = try await run("""
            insert into openings (database, verified_seq, verified_at)
            select l.database, $2, now() from leases l join databases d on d.id = l.database where l.database = $1 and l.session = $3
            on conflict (database) do update set verified_seq = excluded.verified_seq, verified_at = excluded.verified_at,
                failed_seq = case when openings.failed_seq > excluded.verified_seq then openings.failed_seq end,
                failed_code = case when openings.failed_seq > excluded.verified_seq then openings.failed_code end,
                failed_reason = case when openings.failed_seq > excluded.verified_seq then openings.failed_reason end,
                failed_at = case when openings.failed_seq > excluded.verified_seq then openings.failed_at end
            """, [.uuid(database.uuid), .bits(seq), .uuid(session.uuid)])
    }

    /// How long ago the last check was, of the database `session` leads for which that is longest; of those with something published
    /// that was not checked. One that was never checked counts from its creation.
    ///
    /// - Returns: `nil` when all that is published was checked.
    public func backupAge(by session: SessionID) async throws(BerthError) -> Duration? {
        let rows = try await run("""
            select extract(epoch from max(now() - coalesce(o.verified_at, d.created_at)))::double precision as age
            from leases l join databases d on d.id = l.database left join openings o on o.database = l.database
            where l.session = $1 and l.head_seq > coalesce(o.verified_seq, 0)
            """, [.uuid(session.uuid)])
        return try value { try rows.first.flatMap { try $0.optionalDouble("age") }.map { .seconds(max(0, $0)) } }
    }

    // MARK: Asked for by operations and operators

    /// Asks the nodes on which `databases` are placed to open them as soon as they lead them, without waiting for a request, while
    /// `term` holds.
    public func wantServed(_ databases: [DatabaseID], under term: ManagerTerm) async throws(BerthError) {
        _ = try await run("""
            with \(ManagerTerm.guardSQL),
            wanted as (
                update placements p set awaited = true from term
                where p.database = any($3::uuid[]) returning p.leader)
            select berth_hint('placements', (select array_agg(distinct leader) from wanted))
            """, term.parameters + [.array(databases)])
    }

    /// Those of `databases` that their present leader has not served, or that have none.
    public func unserved(among databases: [DatabaseID]) async throws(BerthError) -> [UnservedDatabase] {
        let rows = try await run("""
            select d.name, o.failed_seq is not null as unopenable
            from databases d join leases l on l.database = d.id left join sessions s on s.id = l.session and s.ended_at is null
            left join openings o on o.database = d.id
            where d.id = any($1::uuid[]) and (s.id is null or s.protocol_version > 0 and o.served_epoch is distinct from l.epoch)
            order by d.name
            """, [.array(databases)])
        return try value {
            try rows.map { UnservedDatabase(name: try DatabaseName(try $0.string("name")), isUnopenable: try $0.bool("unopenable")) }
        }
    }

    /// Lets the chain of a database that does not open go on from an older state that does.
    ///
    /// Its leader publishes that state, whole, as the next one. Nothing that was published is removed.
    /// - Throws: `database_not_found`; `operation_conflict` unless the database is unopenable and `seq` is the state that was found to open.
    public func acceptOlder(_ name: DatabaseName, seq: UInt64) async throws(BerthError) {
        let status = try await database(named: name)
        guard let state = status.unopenable, !status.isServed else {
            throw BerthError(.operationConflict, "“\(name)” is not unopenable: there is nothing to accept. `berth db show \(name)` tells its state.")
        }
        guard state.opensSeq == seq else {
            throw BerthError(
                .operationConflict,
                state.opensSeq.map { "The newest state of “\(name)” that opens is \($0), not \(seq)." }
                    ?? "No state of “\(name)” that opens was found so far. `berth db show \(name)` tells when there is one.")
        }
        let rows = try await run("""
            with accepted as (
                update openings set accepted_seq = $2 where database = $1 and opens_seq = $2 and failed_seq = $3 returning database)
            select berth_hint('leases', (select array_agg(database::text) from accepted)) from accepted
            """, [.uuid(status.record.id.uuid), .bits(seq), .bits(state.seq)])
        if rows.isEmpty {
            throw BerthError(.operationConflict, "What is known of “\(name)” changed in this moment. Look again with `berth db show \(name)`.")
        }
    }
}
