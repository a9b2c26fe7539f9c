/// The statements of one transaction; of no use after its end.
public struct PostgresTransaction: Sendable {
    private let connection: PostgresConnection
    private let number: UInt64

    fileprivate init(connection: PostgresConnection, number: UInt64) {
        self.connection = connection
        self.number = number
    }

    /// Runs one statement in the transaction. After a failed one only the end of the transaction succeeds.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = [], timeout: Duration? = nil
    ) async throws(PostgresError) -> PostgresRows {
        let timeout = timeout ?? connection.timeout
        return PostgresRows(
            try await connection.inside(number) { session throws(PostgresError) in
                try session.query(sql, parameters, timeout: timeout)
            })
    }

    /// Runs statements separated by `;` in the transaction; they must not end it.
    public func script(_ sql: String, timeout: Duration? = nil) async throws(PostgresError) {
        let timeout = timeout ?? connection.timeout
        _ = try await connection.inside(number) { session throws(PostgresError) in
            try session.script(sql, timeout: timeout)
        }
    }
}

extension PostgresConnection {
    /// Runs `body` between BEGIN and COMMIT (READ COMMITTED); an error from it rolls back and is rethrown.
    ///
    /// Everyone else's statements on this connection wait meanwhile, so `body` must use only the transaction it is given and
    /// be short: Postgres ends a transaction that is idle for 10 seconds.
    /// - Parameter timeout: for the turn, for BEGIN and for COMMIT.
    /// - Throws: what `body` throws, or `PostgresError`, whose outcome is `unknown` only when COMMIT got no reply.
    public func transaction<T>(
        timeout: Duration? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresTransaction) async throws -> T
    ) async throws -> T {
        let timeout = timeout ?? self.timeout
        let number = try await begin(timeout: timeout)
        let value: T
        do {
            value = try await body(PostgresTransaction(connection: self, number: number))
        } catch {
            await rollBack(number)
            throw error
        }
        try await commit(number, timeout: timeout)
        return value
    }
}
