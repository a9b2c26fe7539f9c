public import FleetModel

/// Brings the schema to what this program knows, forward only.
///
/// Each migration runs in a transaction of its own, which also records it in `schema_migrations` and holds an advisory lock, so any
/// number of programs may migrate at once and each migration is applied once.
public struct MigrationRunner: Sendable {
    /// How long one migration may take, waiting for other migrators included.
    public static let defaultTimeout: Duration = .seconds(600)
    /// Any number will do, as long as nobody else locks the same one: “berth” in ASCII.
    private static let lock: Int64 = 0x62_65_72_74_68

    private let migrations: [Migration]
    private let timeout: Duration

    /// - Parameter migrations: in order, numbered from 1 without gaps.
    /// - Throws: `BerthError` with code `internal_error` when they are not.
    public init(_ migrations: [Migration], timeout: Duration = MigrationRunner.defaultTimeout) throws(BerthError) {
        guard migrations.map(\.number) == Array(1..<(migrations.count + 1)) else {
            throw BerthError(.internalError, "Migrations are not numbered from 1 without gaps. This is a bug in berth.")
        }
        self.migrations = migrations
        self.timeout = timeout
    }

    /// Applies what is missing and returns it.
    ///
    /// - Throws: `BerthError` with code `schema_mismatch` when the schema is newer than this program or made by another, else that
    ///   of the statement that failed. Running it again is always safe.
    @discardableResult
    public func migrate(_ connection: PostgresConnection) async throws(BerthError) -> [Migration] {
        var applied: [Migration] = []
        do {
            while let migration = try await applyNext(connection) { applied.append(migration) }
        } catch let error as BerthError {
            throw error
        } catch let error as PostgresError {
            throw error.berthError
        } catch {
            throw BerthError(.internalError, "Migrating failed: \(error).")
        }
        return applied
    }

    /// Checks, without changing anything, that the schema is this program's, or a newer one that it can live with.
    ///
    /// - Throws: `BerthError` with code `schema_mismatch`, or that of the statement that failed.
    public func check(_ connection: PostgresConnection) async throws(BerthError) {
        let history: SchemaHistory
        do {
            history = try await readHistory { sql throws(PostgresError) in try await connection.query(sql) }
        } catch let error as PostgresError {
            throw error.berthError
        } catch {
            throw BerthError(.schemaMismatch, "schema_migrations is not berth's table: \(error).")
        }
        guard let next = try history.pending(of: migrations).first else { return }
        throw BerthError(
            .schemaMismatch,
            "The database's schema is at migration \(history.applied.count), this program needs \(migrations.count) "
                + "(next: \(next.number) \(next.name)). Run `berth migrate` once, then start again.")
    }

    private func applyNext(_ connection: PostgresConnection) async throws -> Migration? {
        try await connection.transaction { transaction in
            // Ends with the transaction, whatever happens to this process.
            _ = try await transaction.query("SELECT pg_advisory_xact_lock($1)", [.int8(Self.lock)], timeout: timeout)
            try await transaction.script(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    number int4 PRIMARY KEY,
                    name text NOT NULL,
                    checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                );
                ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS compatible_from int4
                """)
            let history = try await readHistory { sql throws(PostgresError) in try await transaction.query(sql) }
            guard let next = try history.pending(of: migrations).first else { return nil }
            try await transaction.script(next.sql, timeout: timeout)
            _ = try await transaction.query(
                "INSERT INTO schema_migrations (number, name, checksum, compatible_from) VALUES ($1, $2, $3, $4)",
                [
                    .int8(Int64(next.number)), .text(next.name), .text(next.checksum),
                    next.compatibleFrom.map { .int8(Int64($0)) } ?? .null,
                ])
            return next
        }
    }

    private func readHistory(
        _ query: (String) async throws(PostgresError) -> PostgresRows
    ) async throws -> SchemaHistory {
        guard try await query("SELECT to_regclass('schema_migrations') IS NOT NULL")[0].bool(0) else {
            return SchemaHistory(applied: [])
        }
        // By way of the whole row: before the first migration that says it there is no such column.
        let rows = try await query("""
            SELECT number, name, checksum, (to_jsonb(m) ->> 'compatible_from')::bigint AS compatible_from
            FROM schema_migrations m ORDER BY number
            """)
        return SchemaHistory(
            applied: try rows.map { row in
                SchemaHistory.Entry(
                    number: try row.int("number"), name: try row.string("name"), checksum: try row.string("checksum"),
                    compatibleFrom: try row.optionalInt64("compatible_from").map { Int($0) })
            })
    }
}
