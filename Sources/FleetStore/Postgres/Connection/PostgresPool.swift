import FleetModel
public import Logging

/// A small fixed number of connections, lent to whoever has waited longest.
///
/// For API processes. What must never wait behind others, such as the renewal of a session, has its own connection.
public actor PostgresPool {
    public nonisolated let url: PostgresURL
    private nonisolated let timeout: Duration
    private let connections: [PostgresConnection]
    /// The last one returned is lent first: it is the most likely to be connected and to have the statement prepared.
    private var idle: [PostgresConnection]
    private var line = WaitingLine<PostgresConnection>()
    private var isClosed = false

    /// - Parameter timeout: for a connection to become free, and of statements whose caller gives none.
    public init(
        url: PostgresURL, size: Int, applicationName: String, timeout: Duration = PostgresConnection.defaultTimeout,
        connectTimeout: Duration = .seconds(3), logger: Logger
    ) {
        self.url = url
        self.timeout = timeout
        self.connections = (0..<max(1, size)).map { _ in
            PostgresConnection(
                url: url, applicationName: applicationName, timeout: timeout, connectTimeout: connectTimeout,
                logger: logger)
        }
        self.idle = connections
    }

    /// How many callers wait for a connection now.
    public var waiting: Int { line.count }

    /// Lends a connection for as long as `body` runs.
    ///
    /// - Throws: what `body` throws; `PostgresError` of kind `unavailable` when none became free in time.
    public func withConnection<T>(
        isolation: isolated (any Actor)? = #isolation, _ body: (PostgresConnection) async throws -> T
    ) async throws -> T {
        let connection = try await borrow()
        do {
            let value = try await body(connection)
            await giveBack(connection)
            return value
        } catch {
            await giveBack(connection)
            throw error
        }
    }

    /// As `PostgresConnection.query`.
    public nonisolated func query(
        _ sql: String, _ parameters: [PostgresValue] = [], timeout: Duration? = nil
    ) async throws(PostgresError) -> PostgresRows {
        let connection = try await borrow()
        do {
            let rows = try await connection.query(sql, parameters, timeout: timeout)
            await giveBack(connection)
            return rows
        } catch {
            await giveBack(connection)
            throw error
        }
    }

    /// As `PostgresConnection.transaction`.
    public func transaction<T>(
        timeout: Duration? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresTransaction) async throws -> T
    ) async throws -> T {
        try await withConnection { try await $0.transaction(timeout: timeout, body) }
    }

    /// Closes all connections, also those lent.
    public func close() async {
        isClosed = true
        line.turnAwayAll()
        for connection in connections { await connection.close() }
    }

    private func borrow() async throws(PostgresError) -> PostgresConnection {
        guard !isClosed else { throw unavailable("the pool was closed by this process") }
        if let connection = idle.popLast() { return connection }
        let timeout = self.timeout
        let connection: PostgresConnection? = await withCheckedContinuation { continuation in
            line.join(continuation) { place in
                Task { [weak self] in
                    guard (try? await Task.sleep(for: timeout)) != nil else { return }
                    await self?.turnAway(place)
                }
            }
        }
        guard let connection else {
            throw unavailable(
                isClosed ? "the pool was closed by this process"
                    : "none of this process's \(connections.count) connections became free within \(timeout)")
        }
        return connection
    }

    private func giveBack(_ connection: PostgresConnection) {
        invariant(!idle.contains { $0 === connection } && idle.count < connections.count, "a connection is given back twice")
        if !line.serveFirst(connection) { idle.append(connection) }
    }

    private func turnAway(_ place: WaitingLine<PostgresConnection>.Place) { line.turnAway(place) }

    private func unavailable(_ reason: String) -> PostgresError {
        PostgresError(.unavailable(reason: reason), server: url.description)
    }
}
