import FleetModel
public import Logging

/// One connection to Postgres on a queue of its own.
///
/// Connects on first use and again after a loss, never in the background. Statements and transactions run one at a time, in
/// the order they were asked for. Every wait ends: for a turn and for a reply after the statement's timeout, for
/// connecting after `connectTimeout` per host. Cancelling the caller's task does not end a statement, so what a
/// shutdown still has to write is written.
public actor PostgresConnection {
    /// How long a statement may take when its caller does not say.
    public static let defaultTimeout: Duration = .seconds(5)

    public nonisolated let url: PostgresURL
    nonisolated let timeout: Duration
    private nonisolated let executor: any SerialExecutor
    private let applicationName: String
    private let connectTimeout: Duration
    private let logger: Logger

    private var session: LibpqSession?
    private var isClosed = false
    /// Whether a statement or transaction has the turn.
    private var isTaken = false
    private var line = WaitingLine<Void>()
    private var transactions: UInt64 = 0
    private var open: OpenTransaction?

    /// A transaction lives and dies with its session: after a reconnect nothing of it is left.
    private struct OpenTransaction {
        let number: UInt64
        let session: LibpqSession
    }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - applicationName: shown in `pg_stat_activity`.
    ///   - timeout: of statements whose caller gives none.
    ///   - connectTimeout: per host of the URL; libpq counts whole seconds, at least 2. A `connect_timeout` in the URL wins.
    ///   - executor: where it blocks; `nil` for a queue of its own, whose threads it shares with the process's other queues and tasks.
    public init(
        url: PostgresURL, applicationName: String, timeout: Duration = PostgresConnection.defaultTimeout,
        connectTimeout: Duration = .seconds(3), executor: (any SerialExecutor)? = nil, logger: Logger
    ) {
        self.url = url
        self.applicationName = applicationName
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.logger = logger
        self.executor = executor ?? ConnectionQueue(label: "berth.postgres.\(applicationName)")
    }

    /// Runs one statement, in a transaction of its own, and returns its rows.
    ///
    /// Prepared once per connection. A connection the server has closed meanwhile is replaced before sending.
    /// - Parameter timeout: for the reply; the connection is closed when it does not come in time.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = [], timeout: Duration? = nil
    ) async throws(PostgresError) -> PostgresRows {
        let timeout = timeout ?? self.timeout
        try await takeTurn(within: timeout)
        defer { passTurn() }
        return PostgresRows(
            try alone { session throws(PostgresError) in try session.query(sql, parameters, timeout: timeout) })
    }

    /// Runs statements separated by `;`, all in one implicit transaction unless they contain their own.
    public func script(_ sql: String, timeout: Duration? = nil) async throws(PostgresError) {
        let timeout = timeout ?? self.timeout
        try await takeTurn(within: timeout)
        defer { passTurn() }
        _ = try alone { session throws(PostgresError) in try session.script(sql, timeout: timeout) }
    }

    /// Closes the connection for good: whoever waits or comes later gets `unavailable`.
    public func close() {
        isClosed = true
        session = nil
        line.turnAwayAll()
    }

    // MARK: - Turns

    private func takeTurn(within timeout: Duration) async throws(PostgresError) {
        guard !isClosed else { throw unavailable("the connection was closed by this process") }
        guard isTaken else {
            isTaken = true
            return
        }
        let turn: Void? = await withCheckedContinuation { continuation in
            line.join(continuation) { place in
                Task { [weak self] in
                    guard (try? await Task.sleep(for: timeout)) != nil else { return }
                    await self?.turnAway(place)
                }
            }
        }
        guard turn != nil else {
            throw unavailable(
                isClosed ? "the connection was closed by this process"
                    : "another transaction of this process held the connection for \(timeout)")
        }
    }

    private func turnAway(_ place: WaitingLine<Void>.Place) { line.turnAway(place) }

    private func passTurn() {
        invariant(isTaken, "a turn on a connection is passed on that nobody has")
        // Handed over rather than freed, so that a newcomer cannot overtake.
        if !line.serveFirst(()) { isTaken = false }
    }

    // MARK: - Sessions

    private func liveSession() throws(PostgresError) -> LibpqSession {
        if let session, session.isStillOpen() { return session }
        guard !isClosed else { throw unavailable("the connection was closed by this process") }
        if session != nil { logger.info("postgres connection lost, reconnecting", metadata: ["server": "\(url)"]) }
        session = nil
        let fresh = try LibpqSession.open(
            url, applicationName: applicationName, connectTimeout: connectTimeout, logger: logger)
        session = fresh
        return fresh
    }

    /// Runs `body` outside any transaction.
    private func alone(
        _ body: (LibpqSession) throws(PostgresError) -> PostgresResult?
    ) throws(PostgresError) -> PostgresResult? {
        invariant(isTaken && open == nil, "a statement outside of transactions got into one")
        let session = try liveSession()
        defer { if !session.isUsable { self.session = nil } }
        let result = try body(session)
        if session.isUsable, session.isInTransaction {
            // The next caller's statements would end up in it.
            self.session = nil
            throw PostgresError(
                .refused(reason: "BEGIN outside of transaction(); it was rolled back"), server: url.description)
        }
        return result
    }

    private func unavailable(_ reason: String) -> PostgresError {
        PostgresError(.unavailable(reason: reason), server: url.description)
    }

    // MARK: - Transactions

    /// Waits for the turn and sends BEGIN. The turn is kept until `commit` or `rollBack`.
    func begin(timeout: Duration) async throws(PostgresError) -> UInt64 {
        try await takeTurn(within: timeout)
        invariant(open == nil, "a transaction begins inside another one")
        do {
            let session = try liveSession()
            _ = try session.script("BEGIN", timeout: timeout)
            transactions += 1
            open = OpenTransaction(number: transactions, session: session)
            return transactions
        } catch {
            if session?.isUsable == false { session = nil }
            passTurn()
            throw error.knownNotApplied()
        }
    }

    /// Runs `body` in the open transaction `number`.
    ///
    /// Whatever is lost here was not applied: the server rolls back what it gets no COMMIT for.
    func inside(
        _ number: UInt64, _ body: (LibpqSession) throws(PostgresError) -> PostgresResult?
    ) throws(PostgresError) -> PostgresResult? {
        let session = try sessionOfTransaction(number)
        let result: PostgresResult?
        do {
            result = try body(session)
        } catch {
            if !session.isUsable { self.session = nil }
            throw error.knownNotApplied()
        }
        guard !session.isUsable || session.isInTransaction else {
            self.session = nil
            throw PostgresError(
                .refused(reason: "a statement inside transaction() ended the transaction"), server: url.description,
                outcome: .unknown)
        }
        return result
    }

    /// Sends COMMIT and passes the turn.
    func commit(_ number: UInt64, timeout: Duration) throws(PostgresError) {
        defer { endTransaction() }
        let session = try sessionOfTransaction(number)
        defer { if !session.isUsable { self.session = nil } }
        let result = try session.script("COMMIT", timeout: timeout)
        // Postgres answers a COMMIT after a failed statement with success and this tag.
        if result?.commandTag == "ROLLBACK" {
            session.transactionRolledBack()
            throw PostgresError(
                .server(
                    sqlState: "25P02", message: "a statement of the transaction had failed, so it was rolled back",
                    detail: nil, constraint: nil),
                server: url.description)
        }
    }

    /// Sends ROLLBACK if there is anyone to send it to, and passes the turn.
    func rollBack(_ number: UInt64) {
        defer { endTransaction() }
        guard let session = try? sessionOfTransaction(number) else { return }
        do {
            _ = try session.script("ROLLBACK", timeout: timeout)
            session.transactionRolledBack()
        } catch {
            // Closing the connection rolls back as well.
            self.session = nil
        }
    }

    private func endTransaction() {
        invariant(open != nil, "a transaction ends twice")
        open = nil
        passTurn()
    }

    private func sessionOfTransaction(_ number: UInt64) throws(PostgresError) -> LibpqSession {
        guard let open, open.number == number else {
            throw PostgresError(.refused(reason: "the transaction is over"), server: url.description)
        }
        guard let session, session === open.session, session.isUsable else {
            throw unavailable("the connection was lost inside the transaction, which is thereby rolled back")
        }
        return session
    }
}
