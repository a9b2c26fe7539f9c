import CPostgres
public import FleetModel

/// Where Postgres is and who asks: a `postgres://` URL or a `key=value` connection string, as libpq reads them.
///
/// Several hosts may be listed; add `target_session_attrs=read-write` to find the primary among them. What the string
/// does not say comes from libpq's environment variables. Its description never shows the password.
public struct PostgresURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// As given, the password included: for libpq only.
    let text: String
    /// `user@host:port/database`, as far as the string says so.
    public let description: String

    /// - Throws: `BerthError` with code `configuration_invalid`.
    public init(_ text: String) throws(BerthError) {
        // libpq's own message quotes the text, and with it the password.
        guard !text.utf8.contains(0), let options = PQconninfoParse(text, nil) else {
            throw BerthError(
                .configurationInvalid,
                "The address of Postgres cannot be read. Write it as postgres://user:password@host:5432/database "
                    + "(special characters percent-encoded) or as “host=… dbname=… user=…”.")
        }
        defer { PQconninfoFree(options) }
        self.text = text
        self.description = Self.describe(options)
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }

    private static func describe(_ options: UnsafeMutablePointer<PQconninfoOption>) -> String {
        var given: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { given[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        let user = given["user"].map { "\($0)@" } ?? ""
        let host = given["host"] ?? given["hostaddr"] ?? "default host"
        let port = given["port"].map { ":\($0)" } ?? ""
        let database = given["dbname"].map { host.hasPrefix("/") ? " database \($0)" : "/\($0)" } ?? ""
        return user + host + port + database
    }
}
