import FleetModel
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import Telemetry

/// Around every request: its identifier, errors as problems, metrics and the access log.
struct Front: RouterMiddleware {
    typealias Context = AdminContext

    let clock: any FleetClock
    let logger: Logger

    func handle(
        _ request: Request, context: AdminContext,
        next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let given = request.headers[.requestID].flatMap({ Telemetry.RequestID($0) }) { context.requestID = given }
        let start = clock.now()
        var response: Response
        do { response = try await next(request, context) } catch {
            response = problem(error, requestID: context.requestID)
        }
        response.headers[.requestID] = context.requestID.description
        record(request, response, context, took: clock.now() - start)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func problem(_ error: any Error, requestID: Telemetry.RequestID) -> Response {
        var headers = HTTPFields()
        let known: BerthError
        switch error {
        case let error as BerthError: known = error
        case let error as MethodNotAllowed:
            known = error.asBerthError
            headers[.allow] = error.allowed.joined(separator: ", ")
        default:
            known = BerthError(.internalError, "Something went wrong here. The log has it under request \(requestID).")
            logger.error("request failed", metadata: ["request_id": "\(requestID)", "error": "\(error)"])
        }
        if known.code.httpStatus >= 500, error is BerthError {
            logger.warning("request failed", metadata: ["request_id": "\(requestID)", "error": "\(known)"])
        }
        invariant(known.code.httpStatus >= 400, "an error is answered as a success")
        headers[.contentType] = "application/problem+json"
        if let seconds = known.retryAfter { headers[.retryAfter] = String(seconds) }
        switch known.code {
        case .tokenMissing: headers[.wwwAuthenticate] = "Bearer realm=\"berth\""
        case .tokenInvalid, .tokenExpired: headers[.wwwAuthenticate] = "Bearer realm=\"berth\", error=\"invalid_token\""
        default: break
        }
        let body = (try? ResourceCoding.bytes(of: Problem(known, requestID: requestID))) ?? []
        return Response(
            status: .init(code: known.code.httpStatus), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private func record(_ request: Request, _ response: Response, _ context: AdminContext, took: Duration) {
        // Labels come from the table of endpoints, never from the client: the number of series is bounded.
        let route = context.endpointPath.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "unknown"
        let method = route == "unknown" ? "unknown" : request.method.rawValue
        Counter(
            label: "berth_admin_requests_total",
            dimensions: [("method", method), ("route", route), ("status", String(response.status.code))]
        ).increment()
        Timer(label: "berth_admin_request_seconds", dimensions: [("route", route)])
            .recordNanoseconds(Int64(took.seconds * 1e9))
        logger.debug(
            "admin request",
            metadata: [
                "request_id": "\(context.requestID)",
                "method": "\(request.method.rawValue)", "path": "\(request.targetPath)",
                "status": "\(response.status.code)", "milliseconds": "\(took.milliseconds)",
            ])
    }
}
