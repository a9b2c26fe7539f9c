@testable import AdminAPI
import BerthTestKit
import Door
import FleetModel
import FleetStore
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Migrations
import NIOCore
import Synchronization

/// A catalogue of its own in a real Postgres, with three nodes, and the API in front of it.
struct AdminFleet: Sendable {
    let pool: PostgresPool
    let api: AdminAPI
    let client: any TestClientProtocol
    /// Tokens of the whole fleet, by scope.
    let secrets: [TokenScope: String]
    let wallClock: Mutable<Date>
    let lags: Mutable<[String: Duration]>
    let readiness: Mutable<BerthError?>

    var catalogue: FleetCatalogue { api.fleet.catalogue }

    /// A value that a closure and a test share.
    final class Mutable<Value: Sendable>: Sendable {
        private let storage: Mutex<Value>
        init(_ value: Value) { storage = Mutex(value) }
        var value: Value {
            get { storage.withLock { $0 } }
            set { storage.withLock { $0 = newValue } }
        }
    }

    /// - Parameters:
    ///   - hearsHints: whether hints of Postgres reach the API.
    ///   - place: chooses the node of new databases.
    static func run(
        setup: TestingSetup = .router, clock: any FleetClock = BootClock(), hearsHints: Bool = true, bodyLimit: Int = 4096,
        door: DoorLimits = DoorLimits(),
        place: @escaping @Sendable (EngineKind) async throws(BerthError) -> NodeName = { _ async throws(BerthError) in
            try NodeName("node-1")
        },
        metrics: @escaping @Sendable () -> [UInt8] = { [] },
        _ body: @Sendable (AdminFleet) async throws -> Void
    ) async throws {
        let url = try PostgresURL(try await TestPostgres.shared().makeDatabase())
        let pool = PostgresPool(url: url, size: 4, applicationName: "admin-api-tests", logger: .silent)
        try await pool.withConnection { connection in
            _ = try await MigrationRunner(
                Migrations.all.map { Migration(number: $0.number, name: $0.name, sql: $0.sql) }
            ).migrate(connection)
        }
        for node in ["node-1", "node-2", "node-3"] { try await addNode(node, isAlive: true, pool) }
        let catalogue = FleetCatalogue(pool: pool)
        var secrets: [TokenScope: String] = [:]
        for scope in TokenScope.allCases {
            let secret = TokenSecret.generate()
            secrets[scope] = secret.text
            _ = try await catalogue.createToken(secret, name: "\(scope) for all", scope: scope)
        }
        let listener = PostgresListener(
            url: url, channels: [StoreHint.channel], applicationName: "admin-api-tests", logger: .silent)
        let hints = HintSource(listener: listener)
        let (wallClock, lags, readiness) = (Mutable(Date()), Mutable([String: Duration]()), Mutable(BerthError?.none))
        let api = AdminAPI(
            fleet: AdminAPI.FleetAccess(
                catalogue: catalogue, hints: hints, choosePlacement: place,
                shipLags: { databases in
                    let known = lags.value
                    return Dictionary(uniqueKeysWithValues: databases.compactMap { status in
                        known[status.record.name.description].map { (status.record.id, $0) }
                    })
                },
                renderMetrics: metrics,
                checkReadiness: { () async throws(BerthError) in if let error = readiness.value { throw error } }),
            settings: AdminAPI.Settings(bodyLimit: bodyLimit, door: door), clock: clock, now: { wallClock.value }, logger: .silent)
        let listening = Task { if hearsHints { await hints.run() } }
        do {
            try await api.application().test(setup) { [secrets] client in
                try await body(
                    AdminFleet(
                        pool: pool, api: api, client: client, secrets: secrets, wallClock: wallClock, lags: lags,
                        readiness: readiness))
            }
        } catch {
            await close(listener, listening, pool)
            throw error
        }
        await close(listener, listening, pool)
    }

    private static func close(_ listener: PostgresListener, _ listening: Task<Void, Never>, _ pool: PostgresPool) async {
        await listener.close()
        await listening.value
        await pool.close()
    }

    // MARK: What other parts of Berth would do

    static func addNode(_ name: String, isAlive: Bool, _ pool: PostgresPool) async throws {
        _ = try await pool.query("insert into nodes (name, address) values ($1, $2)", [.text(name), .text("http://\(name):8080")])
        if isAlive { try await openSession(of: name, pool) }
    }

    static func openSession(of node: String, _ pool: PostgresPool) async throws {
        _ = try await pool.query("""
            insert into sessions (id, node, role, address, system_identifier, timeline)
            select gen_random_uuid(), $1, 'node', 'http://' || $1 || ':8080', f.system_identifier, f.timeline from fleet f
            """, [.text(node)])
    }

    func endSession(of node: String) async throws {
        _ = try await pool.query("update sessions set ended_at = now() where node = $1", [.text(node)])
    }

    /// Makes `node` the leader of a database, as its session would.
    func lead(_ database: String, from node: String, seq: Int64 = 0) async throws {
        _ = try await pool.query("""
            update leases l set session = s.id, epoch = epoch + 1, head_seq = $3, head_checksum = 255
            from sessions s, databases d where s.node = $2 and s.ended_at is null and d.name = $1 and l.database = d.id
            """, [.text(database), .text(node), .int8(seq)])
    }

    /// Writes what a manager would, and says so.
    func setOperation(_ id: String, state: String, done: Int64, total: Int64, error: String? = nil) async throws {
        _ = try await pool.query("""
            update operations set state = $2, done = $3, total = $4, error_code = $5, error_message = 'because',
                updated_at = clock_timestamp(),
                finished_at = case when $2 in ('pending', 'running') then null else clock_timestamp() end
            where id = $1::uuid returning berth_hint('operations', array[id::text])
            """, [.text(id), .text(state), .int8(done), .int8(total), error.map { .text($0) } ?? .null])
    }

    // MARK: Requests

    /// - Parameters:
    ///   - as: whose token is sent; `nil` sends none.
    ///   - secret: sent instead.
    func call(
        _ method: HTTPRequest.Method, _ path: String, json: String? = nil, as scope: TokenScope? = .admin,
        secret: String? = nil, headers: HTTPFields = [:], type: String? = "application/json"
    ) async throws -> Reply {
        var headers = headers
        if let secret = secret ?? scope.flatMap({ secrets[$0] }) { headers[.authorization] = "Bearer \(secret)" }
        if json != nil, let type { headers[.contentType] = type }
        return try await client.execute(
            uri: path, method: method, headers: headers, body: json.map { ByteBuffer(string: $0) }
        ) { Reply(status: $0.status.code, headers: $0.headers, body: Data($0.body.readableBytesView)) }
    }

    @discardableResult
    func makeDatabase(_ name: String) async throws -> DatabaseResource {
        try await call(.post, "/v1/databases", json: #"{"name": "\#(name)"}"#).resource()
    }
}
