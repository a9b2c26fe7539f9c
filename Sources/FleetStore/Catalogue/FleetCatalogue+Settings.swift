public import FleetModel

/// Whether a commit is on a second machine before it is confirmed.
public enum StandbyStatus: Sendable, Hashable {
    case synchronous
    /// No, and whoever runs the server said that this is known (`berth.without_standby`).
    case knownToBeNone
    case none
}

/// What every process of a fleet must agree on.
public struct FleetSettings: Sendable, Hashable {
    /// The TTL of sessions that are opened from now on; those that live keep the one they were opened with.
    public var leaseTTL: Duration
    /// The newest format of bundles and changesets that may be written.
    public var writeFormat: Int

    public init(leaseTTL: Duration, writeFormat: Int) {
        self.leaseTTL = leaseTTL
        self.writeFormat = writeFormat
    }

    /// What a TTL may be, in milliseconds. The schema and its default for programs that do not tell theirs say the same.
    public static let leaseTTLMilliseconds: ClosedRange<Int64> = 500...600_000
}

/// The settings of a fleet, and who still lives by others.
public struct FleetStatus: Sendable, Hashable {
    public var settings: FleetSettings
    /// Live sessions that were opened with another TTL.
    public var sessionsOfAnotherTTL: Int64
    /// The newest format that every live node can read; `nil` while no node lives.
    public var readableFormat: Int?
}

extension FleetCatalogue {
    public func fleetSettings() async throws(BerthError) -> FleetSettings { try await fleetStatus().settings }

    public func fleetStatus() async throws(BerthError) -> FleetStatus {
        let rows = try await run("""
            select f.lease_ttl_ms, f.write_format,
                   (select count(*) from sessions s where s.ended_at is null and s.ttl_ms <> f.lease_ttl_ms) as other_ttl,
                   (select min(s.format_version)::bigint from sessions s where s.ended_at is null and s.role = 'node') as readable
            from fleet f
            """)
        guard let row = rows.first else { throw BerthError(.schemaMismatch, "The table fleet is empty. Run `berth migrate`.") }
        return try value {
            FleetStatus(
                settings: FleetSettings(
                    leaseTTL: .milliseconds(try row.int64("lease_ttl_ms")), writeFormat: try row.int("write_format")),
                sessionsOfAnotherTTL: try row.int64("other_ttl"),
                readableFormat: try row.optionalInt64("readable").map { Int($0) })
        }
    }

    public func standby() async throws(BerthError) -> StandbyStatus {
        let rows = try await run("""
            select current_setting('synchronous_standby_names') <> '' as synchronous,
                   coalesce(current_setting('berth.without_standby', true), '') = 'on' as known
            """)
        return try value {
            if try rows[0].bool("synchronous") { return .synchronous }
            return try rows[0].bool("known") ? .knownToBeNone : .none
        }
    }

    /// Changes what is given, all of it or nothing.
    ///
    /// - Returns: the settings before and after.
    /// - Throws: `invalid_argument` for a value that cannot be; `write_format_refused` when a live node could not read it.
    public func setFleet(
        leaseTTL: Duration? = nil, writeFormat: Int? = nil
    ) async throws(BerthError) -> (before: FleetSettings, after: FleetSettings) {
        let range = FleetSettings.leaseTTLMilliseconds
        if let leaseTTL, !range.contains(leaseTTL.milliseconds) {
            throw BerthError(.invalidArgument, "A TTL is \(range.lowerBound) to \(range.upperBound) milliseconds.")
        }
        if let writeFormat, !(1...Int(Int32.max)).contains(writeFormat) {
            throw BerthError(.invalidArgument, "Formats count from 1.")
        }
        do {
            return try await pool.transaction { transaction in
                // Locked before the sessions are looked at: one that is being opened holds this row until it can be seen.
                let rows = try await transaction.query("select lease_ttl_ms, write_format from fleet for update")
                guard let row = rows.first else { throw BerthError(.schemaMismatch, "The table fleet is empty. Run `berth migrate`.") }
                let before = FleetSettings(
                    leaseTTL: .milliseconds(try row.int64("lease_ttl_ms")), writeFormat: try row.int("write_format"))
                let after = FleetSettings(
                    leaseTTL: leaseTTL ?? before.leaseTTL, writeFormat: writeFormat ?? before.writeFormat)
                if after.writeFormat > before.writeFormat {
                    try await Self.requireReaders(of: after.writeFormat, in: transaction)
                }
                _ = try await transaction.query(
                    "update fleet set lease_ttl_ms = $1, write_format = $2",
                    [.int8(after.leaseTTL.milliseconds), .int8(Int64(after.writeFormat))])
                return (before, after)
            }
        } catch let error as BerthError { throw error } catch let error as PostgresError { throw error.berthError } catch {
            throw BerthError(.internalError, "The settings of the fleet could not be changed: \(error)")
        }
    }

    /// Any node may have to take any database over, so what is written must be readable by all, and there must be one that is.
    private static func requireReaders(of format: Int, in transaction: PostgresTransaction) async throws {
        let rows = try await transaction.query("""
            select count(*) as nodes, min(format_version)::bigint as readable,
                   string_agg(node, ', ' order by node) filter (where format_version < $1) as older
            from sessions where ended_at is null and role = 'node'
            """, [.int8(Int64(format))])
        let row = rows[0]
        if try row.int64("nodes") == 0 {
            throw BerthError(
                .writeFormatRefused, "No node lives that could say whether it reads format \(format). Start the upgraded nodes first.")
        }
        if let older = try row.optionalString("older") {
            throw BerthError(
                .writeFormatRefused,
                "Format \(format) could not be read by \(older). Upgrade and restart these nodes first, or end those that are gone; "
                    + "`berth node list` shows the version of each.")
        }
    }

    /// The longest TTL of this fleet's sessions, also of those that ended: which of them live, a store that was replaced may
    /// have forgotten.
    public func longestLeaseTTL() async throws(BerthError) -> Duration {
        let rows = try await run("select greatest(f.lease_ttl_ms, (select max(ttl_ms) from sessions)) as longest from fleet f")
        guard let row = rows.first else { throw BerthError(.schemaMismatch, "The table fleet is empty. Run `berth migrate`.") }
        return .milliseconds(try value { try row.int64("longest") })
    }

    /// Gives a fleet that nobody has joined yet its TTL: the first thing that is set in its life.
    ///
    /// - Returns: whether it was set.
    public func setFirstLeaseTTL(_ ttl: Duration) async throws(BerthError) -> Bool {
        let rows = try await run("""
            update fleet set lease_ttl_ms = $1 where not exists (select 1 from sessions) returning lease_ttl_ms
            """, [.int8(ttl.milliseconds)])
        return !rows.isEmpty
    }
}
