import FleetModel
import Hrana
import NIOHTTP1

/// Which database a request is for and what it wants of it.
struct DataTarget: Sendable {
    var database: DatabaseName
    var route: DataRoute
    /// Path on any other node, with the database in it.
    var forwardedPath: String

    /// - Throws: `database_not_named`, `invalid_database_name`, `route_not_found`, `method_not_allowed`.
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
                    "There is nothing at \(resolved.remainingPath.prefix(80)). The data protocol is Hrana over HTTP: /v2/pipeline, /v3/pipeline, /v3/cursor, /v1/execute, /v1/batch."))
        }
        self.database = resolved.name
        self.route = route
        self.forwardedPath = "/db/\(resolved.name)\(resolved.remainingPath)"
    }
}
