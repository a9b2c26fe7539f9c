import CPostgres
import Logging

extension LibpqSession {
    /// What every connection runs first.
    ///
    /// A generic plan, because a custom one for an array parameter scans the table; the text forms of values fixed;
    /// a transaction whose client hangs ended, because it holds locks. And rule 12: a commit is on disk, and on the synchronous
    /// standby, before it is told, whatever the server's or the role's default is.
    ///
    /// Ends with whether the server keeps what it commits, in the same exchange.
    private static let settings = """
        SET synchronous_commit = on;
        SET plan_cache_mode = force_generic_plan;
        SET idle_in_transaction_session_timeout = '10s';
        SET timezone = 'UTC';
        SET datestyle = 'ISO, YMD';
        SET bytea_output = 'hex';
        SET extra_float_digits = 1;
        SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'
            OR coalesce(current_setting('\(DataLossPermission.setting)', true), '') = 'on'
        """

    /// Connects, trying each host in the URL for `connectTimeout` (whole seconds, at least 2: libpq's granularity).
    ///
    /// - Throws: `PostgresError` of kind `unavailable`, or `notDurable` for a server that loses what it committed.
    static func open(
        _ url: PostgresURL, applicationName: String, connectTimeout: Duration, logger: Logger
    ) throws(PostgresError) -> LibpqSession {
        // Later entries win: the URL over the defaults before it, what comes after it over the URL.
        let options = [
            ("connect_timeout", String(max(2, connectTimeout.components.seconds))),
            // A host that vanished without a word is noticed in half a minute, even by a connection that only listens.
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("dbname", url.text),
            ("application_name", applicationName),
            ("client_encoding", "UTF8"),
        ]
        let connection = withCStrings(options.map(\.0)) { keywords in
            withCStrings(options.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
        guard let connection else {
            throw PostgresError(.unavailable(reason: "out of memory"), server: url.description)
        }
        guard PQstatus(connection) == CONNECTION_OK, PQsetnonblocking(connection, 1) == 0 else {
            defer { PQfinish(connection) }
            throw PostgresError(.unavailable(reason: trimmedMessage(of: connection)), server: url.description)
        }
        let session = LibpqSession(connection, server: url.description, logger: logger)
        let isDurable: Bool
        do {
            let rows = PostgresRows(try session.script(settings, timeout: max(.seconds(2), connectTimeout)))
            isDurable = try rows[0].bool(0)
        } catch {
            throw PostgresError(.unavailable(reason: "setting the connection up: \(error)"), server: url.description)
        }
        guard isDurable else { throw PostgresError(.notDurable, server: url.description) }
        return session
    }
}

/// By what a server itself says that its data may be lost, as that of a test may: a setting of Postgres that only Berth knows, for
/// instance in the command line of the server that also turns `fsync` off.
public enum DataLossPermission {
    public static let setting = "berth.may_lose_data"
}

/// A null-terminated array of C strings, valid during `body`.
private func withCStrings<T>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> T
) -> T {
    var bytes: [CChar] = []
    var starts: [Int] = []
    for string in strings {
        starts.append(bytes.count)
        bytes.append(contentsOf: string.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { bytes in
        let pointers = starts.map { start in bytes.baseAddress.map { $0 + start } } + [nil]
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
