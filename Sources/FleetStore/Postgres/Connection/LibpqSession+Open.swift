import CPostgres
import Logging

extension LibpqSession {
    /// What every connection runs first.
    ///
    /// A generic plan, because a custom one for an array parameter scans the table; the text forms of values fixed;
    /// a transaction whose client hangs ended, because it holds locks.
    private static let settings = """
        SET plan_cache_mode = force_generic_plan;
        SET idle_in_transaction_session_timeout = '10s';
        SET timezone = 'UTC';
        SET datestyle = 'ISO, YMD';
        SET bytea_output = 'hex';
        SET extra_float_digits = 1
        """

    /// Connects, trying each host in the URL for `connectTimeout` (whole seconds, at least 2: libpq's granularity).
    ///
    /// - Throws: `PostgresError` of kind `unavailable`.
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
        do {
            _ = try session.script(settings, timeout: max(.seconds(2), connectTimeout))
        } catch {
            throw PostgresError(.unavailable(reason: "setting the connection up: \(error)"), server: url.description)
        }
        return session
    }
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
