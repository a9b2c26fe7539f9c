import Chaos
import FleetModel
import FleetStore
import LocalFleet
import Logging

/// Reads the fleet's Postgres past all faults: how leases went, written down by Postgres itself.
struct FleetStoreReader: Sendable {
    private let connection: PostgresConnection

    /// - Throws: `BerthError` when the fleet's connection string makes no sense.
    init(_ fleet: ChaosFleet) throws {
        connection = PostgresConnection(
            url: try PostgresURL(fleet.postgres.conninfo()), applicationName: "berth-chaos", timeout: .seconds(20),
            logger: Logger(label: "store") { _ in SwiftLogNoOpLogHandler() })
    }

    func close() async { await connection.close() }

    func unpublishedDatabases() async throws -> Int64 {
        try await connection.query(
            "SELECT count(*) AS count FROM leases l JOIN databases d ON d.id = l.database WHERE l.head_seq = 0")[0].int64("count")
    }

    /// The databases whose leases a node's session holds, by name.
    func databases(ledBy node: String) async throws -> [(name: String, engine: String)] {
        let rows = try await connection.query(
            """
            SELECT d.name, d.engine FROM leases l JOIN databases d ON d.id = l.database JOIN sessions s ON s.id = l.session
            WHERE s.node = $1 AND s.ended_at IS NULL ORDER BY d.name
            """, [.text(node)])
        return try rows.map { (try $0.string("name"), try $0.string("engine")) }
    }

    /// A database and what is published of it.
    struct Head: Sendable {
        var name: String
        var database: DatabaseID
        var engine: EngineKind
        var position: ChainPosition
    }

    func heads() async throws -> [Head] {
        let rows = try await connection.query(
            """
            SELECT d.name, d.id::text AS id, d.engine, l.head_seq, l.head_checksum
            FROM leases l JOIN databases d ON d.id = l.database ORDER BY d.name
            """)
        return try rows.map { row in
            guard let id = DatabaseID(try row.string("id")), let engine = EngineKind(rawValue: try row.string("engine")) else {
                throw ChaosError("A database has no name or engine that is known: \(row)")
            }
            return Head(
                name: try row.string("name"), database: id, engine: engine,
                position: ChainPosition(seq: try row.bits("head_seq"), checksum: try row.bits("head_checksum")))
        }
    }

    /// Has every change of a lease's holder and every begin and end of a session written down, in the transaction that
    /// makes it.
    func beginAudit() async throws {
        try await connection.script(
            """
            CREATE TABLE chaos_audit (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
                what text NOT NULL, database uuid, epoch bigint, session uuid, node text, reason text);
            CREATE TABLE chaos_refused (database uuid NOT NULL, what text NOT NULL);
            CREATE FUNCTION chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF EXISTS (SELECT 1 FROM chaos_refused WHERE database = new.database AND what = TG_TABLE_NAME) THEN
                    RAISE EXCEPTION 'refused on purpose';
                END IF;
                RETURN new;
            END $$;
            CREATE TRIGGER chaos_refuse BEFORE UPDATE ON leases FOR EACH ROW EXECUTE FUNCTION chaos_refuse();
            CREATE TRIGGER chaos_refuse BEFORE INSERT ON segments FOR EACH ROW EXECUTE FUNCTION chaos_refuse();
            CREATE FUNCTION chaos_audit_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO chaos_audit (what, database, epoch, session) VALUES ('lease', new.database, new.epoch, new.session);
                RETURN NULL;
            END $$;
            CREATE FUNCTION chaos_audit_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO chaos_audit (what, session, node, reason)
                VALUES (CASE WHEN new.ended_at IS NULL THEN 'opened' ELSE 'ended' END, new.id, new.node, new.end_reason);
                RETURN NULL;
            END $$;
            CREATE TRIGGER chaos_lease AFTER UPDATE ON leases FOR EACH ROW
                WHEN (old.session IS DISTINCT FROM new.session OR old.epoch <> new.epoch) EXECUTE FUNCTION chaos_audit_lease();
            CREATE TRIGGER chaos_opened AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION chaos_audit_session();
            CREATE TRIGGER chaos_ended AFTER UPDATE ON sessions FOR EACH ROW
                WHEN (old.ended_at IS NULL AND new.ended_at IS NOT NULL) EXECUTE FUNCTION chaos_audit_session();
            """)
    }

    /// - Parameter table: `leases` or `segments`.
    func refuse(_ database: String, in table: String) async throws {
        _ = try await connection.query(
            "INSERT INTO chaos_refused SELECT id, $2 FROM databases WHERE name = $1", [.text(database), .text(table)])
    }

    func refuseNothing() async throws { _ = try await connection.query("DELETE FROM chaos_refused") }

    /// For sessions that open from now on.
    func setLeaseTTL(_ ttl: Duration) async throws {
        _ = try await connection.query("UPDATE fleet SET lease_ttl_ms = $1", [.int8(Moment(ttl).microseconds / 1000)])
    }

    /// What was written down, in order.
    func audit(_ clock: RunClock) async throws -> [HistoryEvent] {
        let rows = try await connection.query(
            """
            SELECT a.what, extract(epoch FROM a.at)::double precision AS at, coalesce(d.name, 'managers') AS database, a.epoch,
                   a.session::text AS session, a.node, a.reason
            FROM chaos_audit a LEFT JOIN databases d ON d.id = a.database ORDER BY a.id
            """)
        return try rows.map { row in
            let at = clock.moment(secondsSince1970: try row.double("at"))
            let session = try row.optionalString("session")
            switch try row.string("what") {
            case "lease":
                return .leaseChanged(
                    LeaseChange(database: try row.string("database"), epoch: try row.int64("epoch"), session: session, at: at))
            case "opened":
                return .sessionOpened(SessionOpening(session: session ?? "", node: try row.string("node"), at: at))
            default:
                return .sessionEnded(
                    SessionEnd(session: session ?? "", reason: try row.optionalString("reason") ?? "", at: at))
            }
        }
    }
}
