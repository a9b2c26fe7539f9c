import CPostgres
import Glibc
import Logging

/// One open connection of libpq, from connecting to its end; it never reconnects.
///
/// Belongs to one actor, whose queue it blocks while it waits. After an error that leaves the connection in doubt
/// `isUsable` is `false`, and the session is to be dropped, which closes it.
final class LibpqSession {
    let connection: OpaquePointer
    let server: String
    private(set) var isUsable = true
    private let notices: NoticeSink
    private var statements = PreparedStatements()
    /// What the server's `statement_timeout` is; `nil` when a rollback may have changed it back.
    private var serverTimeout: Duration?

    /// Takes over `connection`, which must be established.
    init(_ connection: OpaquePointer, server: String, logger: Logger) {
        self.connection = connection
        self.server = server
        self.notices = NoticeSink(logger: logger)
        notices.attach(to: connection)
    }

    deinit { PQfinish(connection) }

    var socket: Int32 { PQsocket(connection) }
    var isInTransaction: Bool { PQtransactionStatus(connection) != PQTRANS_IDLE }

    /// Whether the server has not closed the connection meanwhile, as far as can be seen without sending anything.
    func isStillOpen() -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        while isUsable, poll(&descriptor, 1, 0) > 0 {
            if PQconsumeInput(connection) == 0 { isUsable = false }
            // Parses what came, and so hands a farewell to the sink.
            _ = PQisBusy(connection)
            if notices.connectionEnds { isUsable = false }
        }
        return isUsable
    }

    /// Runs one statement with parameters, prepared on first use.
    func query(
        _ sql: String, _ parameters: [PostgresValue], timeout: Duration
    ) throws(PostgresError) -> PostgresResult? {
        let arguments = try encode(parameters)
        let deadline = StatementDeadline(after: timeout)
        try announce(timeout, deadline)
        for _ in 0..<2 {
            let name = try prepare(sql, deadline)
            do {
                return try exchange(deadline) { connection in
                    arguments.withPointers { PQsendQueryPrepared(connection, name, Int32(parameters.count), $0, nil, nil, 0) }
                }
            } catch StatementFailure.planOutdated where !isInTransaction {
                // DDL changed the columns of its result since it was prepared; nothing was executed.
                try forget(sql, deadline)
            } catch {
                throw error.postgresError(server: server)
            }
        }
        throw PostgresError(.unavailable(reason: "the schema keeps changing under the statement"), server: server)
    }

    /// Runs any number of statements separated by `;`, without parameters, and returns the last one's result.
    func script(_ sql: String, timeout: Duration) throws(PostgresError) -> PostgresResult? {
        guard !sql.utf8.contains(0) else {
            throw PostgresError(.refused(reason: "SQL cannot contain the character U+0000"), server: server)
        }
        let deadline = StatementDeadline(after: timeout)
        try announce(timeout, deadline)
        return try send(sql, deadline)
    }

    /// The server's own timeout may have been reset by a rollback.
    func transactionRolledBack() { serverTimeout = nil }

    // MARK: - Before the statement itself

    /// Ends the statement on the server a little after this side gives up, so that it does not run on for nobody.
    private func announce(_ timeout: Duration, _ deadline: StatementDeadline) throws(PostgresError) {
        guard serverTimeout != timeout else { return }
        let milliseconds = min(Int64(Int32.max), max(0, timeout.wholeMilliseconds) + 500)
        try beforehand { () throws(PostgresError) in try send("SET statement_timeout = \(milliseconds)", deadline) }
        serverTimeout = timeout
    }

    private func prepare(_ sql: String, _ deadline: StatementDeadline) throws(PostgresError) -> String {
        if let name = statements.name(for: sql) { return name }
        guard !sql.utf8.contains(0) else {
            throw PostgresError(.refused(reason: "SQL cannot contain the character U+0000"), server: server)
        }
        if let evicted = statements.makeRoom() {
            try beforehand { () throws(PostgresError) in try send("DEALLOCATE \(evicted)", deadline) }
        }
        let name = statements.newName()
        try beforehand { () throws(PostgresError) in
            do throws(StatementFailure) {
                return try exchange(deadline) { PQsendPrepare($0, name, sql, 0, nil) }
            } catch {
                throw error.postgresError(server: server)
            }
        }
        statements.remember(sql, as: name)
        return name
    }

    private func forget(_ sql: String, _ deadline: StatementDeadline) throws(PostgresError) {
        guard let name = statements.forget(sql) else { return }
        try beforehand { () throws(PostgresError) in try send("DEALLOCATE \(name)", deadline) }
    }

    /// A failure here is before the caller's statement was sent, whatever it means for the one in `body`.
    private func beforehand(_ body: () throws(PostgresError) -> PostgresResult?) throws(PostgresError) {
        do {
            _ = try body()
        } catch {
            guard error.outcome == .unknown else { throw error }
            throw PostgresError(.unavailable(reason: "while preparing the statement: \(error)"), server: server)
        }
    }

    private func encode(_ parameters: [PostgresValue]) throws(PostgresError) -> EncodedParameters {
        do {
            return try EncodedParameters(parameters)
        } catch {
            throw PostgresError(.refused(reason: error.description), server: server)
        }
    }

    // MARK: - One exchange with the server

    private func send(_ sql: String, _ deadline: StatementDeadline) throws(PostgresError) -> PostgresResult? {
        do {
            return try exchange(deadline) { PQsendQuery($0, sql) }
        } catch {
            throw error.postgresError(server: server)
        }
    }

    /// Sends, and receives until the server is ready for the next statement: only then is a commit known.
    private func exchange(
        _ deadline: StatementDeadline, _ send: (OpaquePointer) -> Int32
    ) throws(StatementFailure) -> PostgresResult? {
        do throws(StatementFailure) {
            let result = try receiveAll(deadline, send)
            if notices.replicationWasNotAwaited {
                throw StatementFailure.lost(reason: "the commit did not wait for the synchronous standby")
            }
            if PQstatus(connection) != CONNECTION_OK { isUsable = false }
            return result
        } catch {
            if error.leavesConnectionInDoubt || PQstatus(connection) != CONNECTION_OK { isUsable = false }
            throw error
        }
    }

    private func receiveAll(
        _ deadline: StatementDeadline, _ send: (OpaquePointer) -> Int32
    ) throws(StatementFailure) -> PostgresResult? {
        guard send(connection) == 1 else { throw .lost(reason: failureText) }
        try flush(deadline)
        var last: PostgresResult?
        var failure: StatementFailure?
        while true {
            while PQisBusy(connection) == 1 {
                _ = try wait(for: Int16(POLLIN), deadline)
                guard PQconsumeInput(connection) == 1 else { throw failure ?? .lost(reason: failureText) }
            }
            guard let pointer = PQgetResult(connection) else { break }
            let result = PostgresResult(pointer)
            switch PQresultStatus(pointer) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: last = result
            case PGRES_FATAL_ERROR, PGRES_NONFATAL_ERROR, PGRES_BAD_RESPONSE:
                if failure == nil { failure = StatementFailure(result, otherwise: failureText) }
            default: throw .lost(reason: "COPY is not supported")
            }
        }
        if let failure { throw failure }
        return last
    }

    private func flush(_ deadline: StatementDeadline) throws(StatementFailure) {
        while true {
            switch PQflush(connection) {
            case 0: return
            case 1:
                let events = try wait(for: Int16(POLLIN | POLLOUT), deadline)
                // The server may need its own replies taken before it reads on.
                if events & Int16(POLLIN) != 0, PQconsumeInput(connection) == 0 { throw .lost(reason: failureText) }
            default: throw .lost(reason: failureText)
            }
        }
    }

    private func wait(for events: Int16, _ deadline: StatementDeadline) throws(StatementFailure) -> Int16 {
        while true {
            let milliseconds = deadline.remainingMilliseconds
            guard milliseconds > 0 else { throw .timedOut(after: deadline.timeout) }
            var descriptor = pollfd(fd: socket, events: events, revents: 0)
            let ready = poll(&descriptor, 1, milliseconds)
            if ready > 0 { return descriptor.revents }
            if ready < 0, errno != EINTR { throw .lost(reason: String(cString: strerror(errno))) }
        }
    }

    private var failureText: String { trimmedMessage(of: connection) }
}

/// libpq's last error on one line.
func trimmedMessage(of connection: OpaquePointer?) -> String {
    guard let text = PQerrorMessage(connection) else { return "out of memory" }
    let lines = String(cString: text).split(whereSeparator: \.isNewline)
        .map { $0.drop(while: \.isWhitespace) }.filter { !$0.isEmpty }
    return lines.isEmpty ? "the connection was closed" : lines.joined(separator: "; ")
}
