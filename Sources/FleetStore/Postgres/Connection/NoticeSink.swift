import CPostgres
import Logging

/// Receives the notices and warnings of one connection.
///
/// They are logged at debug level. One of them changes what a reply means: when a commit stops waiting for its
/// synchronous standby, Postgres warns and then reports success, though the standby may not have the commit.
final class NoticeSink {
    private let logger: Logger
    private(set) var replicationWasNotAwaited = false
    /// The server said, while no statement ran, that it ends the connection; the socket closes only a moment later.
    private(set) var connectionEnds = false

    init(logger: Logger) {
        self.logger = logger
    }

    /// Must outlive `connection`: libpq keeps an unretained pointer to it.
    func attach(to connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context else { return }
                Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue().receive(result)
            },
            Unmanaged.passUnretained(self).toOpaque())
    }

    private func receive(_ result: OpaquePointer?) {
        // Both warnings of that kind, whatever their wording in the server's language, come from this function.
        if reportText(result, .sourceFunction) == "SyncRepWaitForLSN" { replicationWasNotAwaited = true }
        let severity = reportText(result, .severity) ?? ""
        if severity == "FATAL" || severity == "PANIC" { connectionEnds = true }
        logger.debug(
            "postgres notice",
            metadata: [
                "severity": "\(severity)",
                "message": "\(reportText(result, .message) ?? "")",
            ])
    }
}
