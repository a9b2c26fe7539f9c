import FleetStore
import Foundation
import Logging

extension TestFleet {
    /// A statement one of the fleet's processes sent to Postgres.
    public struct Statement: Sendable {
        /// As the process introduced itself, for instance `berth node-1 leases`.
        public var application: String
        public var sql: String
    }

    /// Has the fleet's Postgres write down every statement from now on.
    public func logStatements() async throws {
        let connection = try connection()
        _ = try await connection.query("ALTER SYSTEM SET log_statement = 'all'")
        _ = try await connection.query("SELECT pg_reload_conf()")
        await connection.close()
        // Each server process notices by itself, before its next statement.
        try await eventually("statements are written down") {
            try await loggedStatements().isEmpty ? nil : ()
        }
    }

    /// What the fleet's processes that are connected now sent since ``logStatements()``, in order.
    public func loggedStatements() async throws -> [Statement] {
        let connection = try connection()
        let rows = try await connection.query(
            "SELECT pid::bigint AS pid, application_name FROM pg_stat_activity WHERE application_name LIKE 'berth %'")
        await connection.close()
        var applications: [String: String] = [:]
        for row in rows { applications[String(try row.int64("pid"))] = try row.string("application_name") }

        let log = try String(contentsOfFile: "\(directory)/postgres.log", encoding: .utf8)
        var statements: [Statement] = []
        for line in log.split(separator: "\n") {
            if line.hasPrefix("\t") {
                // The rest of a statement of several lines.
                if !statements.isEmpty { statements[statements.count - 1].sql += line }
            } else if let match = line.firstMatch(of: /\[([0-9]+)\] LOG:  (?:statement|execute [^:]*): (.*)$/) {
                statements.append(Statement(application: applications[String(match.1)] ?? "", sql: String(match.2)))
            }
        }
        return statements.filter { !$0.application.isEmpty }
    }

    /// Writes down what a leader says of a database that does not open, and of the newest state that does.
    public func sayUnopenable(_ database: String, at seq: Int, opens older: Int) async throws {
        let connection = try connection()
        _ = try await connection.query("""
            INSERT INTO openings (database, failed_seq, failed_code, failed_reason, failed_at, opens_seq)
            SELECT id, \(seq), 'SQLITE_CORRUPT', 'as the test wants it', now(), \(older) FROM databases WHERE name = '\(database)'
            ON CONFLICT (database) DO UPDATE SET served_epoch = NULL, failed_seq = excluded.failed_seq, failed_code = excluded.failed_code,
                failed_reason = excluded.failed_reason, failed_at = excluded.failed_at, opens_seq = excluded.opens_seq
            """)
        await connection.close()
    }

    /// Why a session ended; `nil` while it lives.
    public func endReason(of session: String) async throws -> String? {
        let connection = try connection()
        let rows = try await connection.query(
            "SELECT end_reason FROM sessions WHERE id = $1::text::uuid AND ended_at IS NOT NULL", [.text(session)])
        await connection.close()
        return try rows.first.map { try $0.string("end_reason") }
    }

    /// Applies a migration after the last one, additive and said to be so, that the programs of these sources do not know.
    public func migrateAsTheNextProgramWould() async throws {
        let connection = try connection()
        try await connection.script("""
            ALTER TABLE databases ADD COLUMN of_the_future text;
            INSERT INTO schema_migrations (number, name, checksum, compatible_from)
            SELECT max(number) + 1, 'of_the_future', repeat('0', 64), max(number) FROM schema_migrations
            """)
        await connection.close()
    }

    private func connection() throws -> PostgresConnection {
        PostgresConnection(url: try PostgresURL(postgres), applicationName: "test", logger: .silent)
    }
}
