import CPostgres
import Dispatch
public import Logging

/// Hears NOTIFY on some channels, on a connection of its own that it restores by itself.
///
/// Notifications are hints: those sent while the connection was down are gone, and `reconnected` says so.
public actor PostgresListener {
    private enum State {
        /// Nobody has asked for notifications yet.
        case idle
        case connected(LibpqSession, SocketWatch)
        /// A timer on the queue will connect.
        case waiting
        case closed
    }

    private nonisolated let queue: ConnectionQueue
    private let url: PostgresURL
    private let channels: [String]
    private let applicationName: String
    private let logger: Logger
    private let subscribers = Subscribers()
    private var backoff = ReconnectBackoff()
    private var hasListened = false
    private var state = State.idle

    public nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    public init(url: PostgresURL, channels: [String], applicationName: String, logger: Logger) {
        self.url = url
        self.channels = channels
        self.applicationName = applicationName
        self.logger = logger
        self.queue = ConnectionQueue(label: "berth.postgres.listener.\(applicationName)")
    }

    /// A stream of all notifications from now on; the first call connects.
    ///
    /// Each call makes a new stream. A stream ends with `close()` or with the listener.
    public func notifications() -> AsyncStream<PostgresNotification> {
        if case .closed = state {
            let (stream, continuation) = AsyncStream.makeStream(of: PostgresNotification.self)
            continuation.finish()
            return stream
        }
        let stream = subscribers.add()
        switch state {
        case .idle: connect()
        case .connected:
            // A late subscriber, too, must know from when on it hears everything; to the others it is one more hint.
            subscribers.send(.listening)
        case .waiting, .closed: break
        }
        return stream
    }

    /// Ends the connection and all streams.
    public func close() {
        state = .closed
        subscribers.finish()
    }

    private func connect() {
        do {
            let session = try LibpqSession.open(
                url, applicationName: applicationName, connectTimeout: .seconds(3), logger: logger)
            _ = try session.script(
                channels.map { "LISTEN \(quoted($0))" }.joined(separator: ";"),
                timeout: PostgresConnection.defaultTimeout)
            let watch = SocketWatch(socket: session.socket, queue: queue.queue) { [weak self] in
                // The source fires on this actor's queue.
                self?.assumeIsolated { $0.receive() }
            }
            guard let watch else {
                throw PostgresError(.unavailable(reason: "no file descriptor is left"), server: url.description)
            }
            state = .connected(session, watch)
            backoff.succeeded()
            subscribers.send(hasListened ? .reconnected : .listening)
            hasListened = true
            // Some may have arrived together with the reply to LISTEN, and the socket is silent about those.
            deliver(from: session)
        } catch {
            logger.warning("postgres listener cannot connect", metadata: ["error": "\(error)"])
            reconnectLater()
        }
    }

    private func receive() {
        guard case .connected(let session, _) = state else { return }
        guard session.isStillOpen() else {
            deliver(from: session)
            logger.warning("postgres listener lost its connection", metadata: ["server": "\(url)"])
            reconnectLater()
            return
        }
        deliver(from: session)
    }

    private func deliver(from session: LibpqSession) {
        while let notification = PQnotifies(session.connection) {
            subscribers.send(
                .message(
                    channel: String(cString: notification.pointee.relname),
                    payload: String(cString: notification.pointee.extra)))
            PQfreemem(notification)
        }
    }

    private func reconnectLater() {
        var generator = SystemRandomNumberGenerator()
        let wait = backoff.next(using: &generator)
        state = .waiting
        queue.queue.asyncAfter(deadline: .now() + .milliseconds(Int(wait.wholeMilliseconds))) { [weak self] in
            self?.assumeIsolated { listener in
                if case .waiting = listener.state { listener.connect() }
            }
        }
    }

    private func quoted(_ identifier: String) -> String {
        "\"" + identifier.replacing("\"", with: "\"\"") + "\""
    }
}
