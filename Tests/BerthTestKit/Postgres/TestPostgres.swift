import FleetModel
import FleetStore
import Foundation
public import LocalFleet
public import Logging

/// The Postgres of one test process: started on first use, shared by all tests, gone with the process.
public actor TestPostgres {
    private static let starting = Task { try await TestPostgres.start() }

    private let server: PrivatePostgres
    private let administration: PostgresConnection
    private var databases = 0

    /// - Throws: `BerthError` saying what to install.
    public static func shared() async throws -> TestPostgres {
        try await starting.value
    }

    /// A connection string to a new, empty database of this server, for one test.
    public func makeDatabase() async throws -> String {
        databases += 1
        let name = "test_\(databases)"
        _ = try await administration.query("CREATE DATABASE \(name)", timeout: .seconds(60))
        return server.conninfo(database: name)
    }

    private init(server: PrivatePostgres) throws {
        self.server = server
        self.administration = PostgresConnection(
            url: try PostgresURL(server.conninfo()), applicationName: "berth-test-kit", logger: .silent)
    }

    private static func start() async throws -> TestPostgres {
        TestDirectory.removeThoseOfDeadProcesses()
        let server = DisposablePostgres.configured(in: try TestDirectory.make(), maxConnections: 400)
        try await server.start()
        if let pid = await server.pid { TestDirectory.stopAtExit(server: pid) }
        return try TestPostgres(server: server)
    }
}

/// Servers for tests that stop, kill or restart theirs.
public enum DisposablePostgres {
    /// Starts a server, runs `body` and stops it.
    ///
    /// - Parameter settings: of the server, over those of a test's.
    public static func run<T>(
        settings: [String: String] = [:], _ body: (PrivatePostgres) async throws -> T
    ) async throws -> T {
        let directory = try TestDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = configured(in: directory, maxConnections: 50, settings: settings)
        do {
            try await server.start()
            let value = try await body(server)
            await server.kill()
            return value
        } catch {
            await server.kill()
            throw error
        }
    }

    static func configured(
        in directory: String, maxConnections: Int, settings: [String: String] = [:]
    ) -> PrivatePostgres {
        var configuration = PrivatePostgres.Configuration(
            dataDirectory: directory + "/data", socketDirectory: directory + "/socket")
        configuration.syncsToDisk = false
        configuration.maxConnections = maxConnections
        configuration.endWithParent = .immediate
        configuration.settings = settings
        return PrivatePostgres(configuration, logger: .silent)
    }
}

extension Logger {
    /// For tests whose logs nobody reads.
    public static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
