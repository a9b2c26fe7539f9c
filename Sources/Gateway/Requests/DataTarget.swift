import FleetModel
import Hrana
import NIOHTTP1

/// Which database a request is for and what it wants of it.
struct DataTarget: Sendable {
    var database: DatabaseName
    var route: DataRoute
    /// Of the path, without the question mark.
    var query: String?
    /// Path on any other node, with the database in it.
    var forwardedPath: String

    /// - Throws: `database_not_named`, `invalid_database_name`, `route_not_found`, `method_not_allowed`, `malformed_request`.
    init(_ head: HTTPRequestHead, naming: DatabaseNaming) throws(RequestFailure) {
        let resolved: (name: DatabaseName, remainingPath: Substring)?
        do throws(BerthError) {
            resolved = try naming.resolve(
                namespace: head.headers.first(name: DatabaseNaming.header), path: head.uri,
                host: head.headers.first(name: "host"))
        } catch {
            throw RequestFailure(error)
        }
        guard let resolved else {
            throw RequestFailure(
                BerthError(
                    .databaseNotNamed,
                    "The request names no database. Use a path /db/<name>/…, the header x-namespace or a host <name>.<domain>."))
        }
        guard let route = DataRoute(method: head.method.rawValue, path: resolved.remainingPath) else {
            for method in ["GET", "POST"] where DataRoute(method: method, path: resolved.remainingPath) != nil {
                throw RequestFailure(
                    BerthError(
                        .methodNotAllowed, "\(resolved.remainingPath.prefix(80)) takes \(method), not \(head.method.rawValue.prefix(20))."),
                    allow: method)
            }
            throw RequestFailure(
                BerthError(
                    .routeNotFound,
                    "There is nothing at \(resolved.remainingPath.prefix(80)). The data protocol is Hrana over HTTP: /v2/pipeline, /v3/pipeline, /v3/cursor, /v1/execute, /v1/batch; rows are loaded at /v1/load."))
        }
        self.database = resolved.name
        self.route = route
        self.query = route == .load ? try Self.query(of: head.uri) : nil
        self.forwardedPath = "/db/\(resolved.name)\(resolved.remainingPath)" + (query.map { "?\($0)" } ?? "")
    }

    /// As it was sent, since it is sent on; anything but printable ASCII must be percent-encoded.
    private static func query(of target: String) throws(RequestFailure) -> String? {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        let query = target[target.utf8.index(after: mark)...]
        guard query.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw RequestFailure(BerthError(.malformedRequest, "The query has bytes that must be percent-encoded."))
        }
        return String(query)
    }
}
