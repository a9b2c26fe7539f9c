import FleetModel
import HTTPTypes
import Hummingbird

/// Answers what no endpoint matched: a known path with another method, or nothing of ours.
struct UnknownRoutes: RouterMiddleware {
    typealias Context = AdminContext

    let endpoints: [Endpoint]

    func handle(
        _ request: Request, context: AdminContext,
        next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        do { return try await next(request, context) } catch let error as HTTPError where error.status == .notFound {
            let methods = allowedMethods(request.targetPath)
            guard methods.isEmpty else { throw MethodNotAllowed(allowed: methods) }
            throw BerthError(
                .routeNotFound, "There is nothing at “\(request.targetPath.prefix(200))”. The API is described in openapi.yaml.")
        }
    }

    private func allowedMethods(_ path: Substring) -> [String] {
        let parts = path.split(separator: "/")
        return endpoints.filter { endpoint in
            endpoint.path.count == parts.count && zip(endpoint.path, parts).allSatisfy { $0 ~= $1 }
        }.map(\.method.rawValue).sorted()
    }
}

/// A known path was asked with a method it does not have.
struct MethodNotAllowed: Error {
    let allowed: [String]

    var asBerthError: BerthError {
        BerthError(.methodNotAllowed, "This path answers \(allowed.joined(separator: ", ")) only.")
    }
}
