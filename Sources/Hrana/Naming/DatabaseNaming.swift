public import FleetModel

/// Finds out which database a request is for.
///
/// In this order: the header `x-namespace`; a path that starts with `/db/<name>`; the first label of the host. The
/// first of them that is there decides, and when it is not a name the request fails: nothing falls through to the
/// next, where it might reach another database.
public struct DatabaseNaming: Sendable, Hashable {
    /// The header that names a database.
    public static let header = "x-namespace"

    /// Hosts below this domain name a database, others do not.
    ///
    /// `nil`: every host with three labels or more does, and with two when the last is `localhost`.
    public let hostSuffix: String?

    /// - Parameter hostSuffix: As in ``hostSuffix``; a leading or trailing dot and upper case make no difference.
    public init(hostSuffix: String? = nil) {
        self.hostSuffix = hostSuffix.map { suffix in
            String(suffix.lowercased().drop { $0 == "." }.reversed().drop { $0 == "." }.reversed())
        }
    }

    /// The database and the path that is left for ``DataRoute``, or `nil` when nothing names a database.
    ///
    /// - Parameters:
    ///   - namespace: The header `x-namespace`; an empty one counts as none.
    ///   - path: The path of the request target. A query is cut off, a prefix `/db/<name>` also when the header decides.
    ///   - host: The header `Host` (or `:authority`), with or without a port.
    /// - Throws: `BerthError` with code `invalid_database_name`.
    public func resolve(
        namespace: String?, path: String, host: String?
    ) throws(BerthError) -> (name: DatabaseName, remainingPath: Substring)? {
        let path = path[..<(path.utf8.firstIndex(of: UInt8(ascii: "?")) ?? path.endIndex)]
        let (segment, remainingPath) = Self.splitPrefix(path)
        if let namespace, !namespace.isEmpty { return (try DatabaseName(namespace), remainingPath) }
        if let segment { return (try Self.name(inPath: segment), remainingPath) }
        if let label = host.flatMap(label(ofHost:)) { return (try DatabaseName(label), remainingPath) }
        return nil
    }

    /// `/db/<segment>` and what follows, at least `/`.
    private static func splitPrefix(_ path: Substring) -> (segment: Substring?, rest: Substring) {
        // Bytes, not characters: a combining mark must not hide a slash.
        let prefix = "/db/".utf8
        guard path.utf8.starts(with: prefix) else { return (nil, path.isEmpty ? "/" : path) }
        let segment = Substring(path.utf8.dropFirst(prefix.count).prefix { $0 != UInt8(ascii: "/") })
        let rest = path[segment.endIndex...]
        return (segment, rest.isEmpty ? "/" : rest)
    }

    private static func name(inPath segment: Substring) throws(BerthError) -> DatabaseName {
        guard let decoded = PercentEncoding.decode(segment) else {
            throw BerthError(
                .invalidDatabaseName, "“\(segment.prefix(80))” in the path is not properly percent-encoded.")
        }
        return try DatabaseName(decoded)
    }

    /// The first label of a host that may name a database.
    private func label(ofHost host: String) -> String? {
        guard let labels = HostLabels(host)?.labels, let first = labels.first else { return nil }
        if let hostSuffix {
            let suffix = hostSuffix.split(separator: ".").map(String.init)
            return labels.count > suffix.count && Array(labels.suffix(suffix.count)) == suffix ? first : nil
        }
        return labels.count >= (labels.last == "localhost" ? 2 : 3) ? first : nil
    }
}
