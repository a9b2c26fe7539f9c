import BerthTestKit
import FleetStore
import Testing

func connect(_ conninfo: String, timeout: Duration = .seconds(60)) throws -> PostgresConnection {
    PostgresConnection(url: try PostgresURL(conninfo), applicationName: "test", timeout: timeout, logger: .silent)
}

/// A connection to a new database.
func connect(timeout: Duration = .seconds(60)) async throws -> PostgresConnection {
    try connect(try await TestPostgres.shared().makeDatabase(), timeout: timeout)
}

func backend(of connection: PostgresConnection) async throws -> Int64 {
    try await connection.query("SELECT pg_backend_pid()")[0].int64(0)
}

/// The error `body` must fail with.
func postgresError<T>(_ body: () async throws -> T) async throws -> PostgresError {
    do {
        _ = try await body()
    } catch let error as PostgresError {
        return error
    }
    throw NoError()
}

struct NoError: Error {}

/// Asks again until `condition` is true.
func waitUntil(_ connection: PostgresConnection, _ condition: String, _ parameters: [PostgresValue] = []) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
        if try await connection.query(condition, parameters).first?.optionalBool(0) == true { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw NeverTrue(condition: condition)
}

struct NeverTrue: Error { let condition: String }
