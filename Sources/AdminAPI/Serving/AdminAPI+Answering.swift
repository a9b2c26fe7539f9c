import FleetModel
import FleetStore
import HTTPTypes
import Hummingbird
import NIOCore

extension AdminAPI {
    /// From a request that matched `endpoint` to its response: token, query, body, repetition, then the endpoint itself.
    func answer(
        _ request: Request, _ context: AdminContext, with endpoint: Endpoint
    ) async throws(BerthError) -> Response {
        let caller = try await caller(of: request, context, for: endpoint)
        invariant(endpoint.isOpen || caller != nil, "an endpoint is answered without a token")
        if caller != nil { becameKnown(context) }
        let query = try QueryFields(request.targetQuery, allowed: endpoint.query)
        let bytes = endpoint.method == .post ? try await bytes(of: request) : []
        let fields = try fields(bytes, request.headers, for: endpoint)
        let attempt = try attempt(request, bytes, caller, for: endpoint)
        let call = Call(
            parameters: context.parameters, query: query, body: fields, caller: caller, attemptSeed: attempt?.seed)
        let answer =
            if let attempt {
                try await once(attempt) { () async throws(BerthError) in try await endpoint.answer(call) }
            } else { try await endpoint.answer(call) }
        return answer.response(locating: endpoint.product)
    }

    private func caller(
        of request: Request, _ context: AdminContext, for endpoint: Endpoint
    ) async throws(BerthError) -> Caller? {
        guard case .token(let scope, let reach) = endpoint.access else { return nil }
        let caller = try await authenticate(request.headers)
        try caller.requireScope(scope)
        switch reach {
        case .fleet: try caller.requireReach(to: nil)
        case .databaseInPath:
            if caller.token.database != nil {
                try caller.requireReach(to: try DatabaseName(Call.pathText("name", of: context.parameters)))
            }
        case .handlerChecks: break
        }
        return caller
    }

    private func bytes(of request: Request) async throws(BerthError) -> [UInt8] {
        let tooLarge = BerthError(
            .bodyTooLarge, "The body is larger than \(settings.bodyLimit) bytes, the most that is read.")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > settings.bodyLimit { throw tooLarge }
        do {
            return Array(try await request.body.collect(upTo: settings.bodyLimit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw BerthError(.malformedRequest, "The body ended before it was complete.")
        }
    }

    private func fields(
        _ bytes: [UInt8], _ headers: HTTPFields, for endpoint: Endpoint
    ) throws(BerthError) -> BodyFields {
        if bytes.isEmpty {
            guard case .object(let members) = endpoint.body else { return .none }
            throw BerthError(
                .malformedRequest,
                "The body is missing. Send a JSON object with: \(members.sorted().joined(separator: ", ")).")
        }
        let mediaType = (headers[.contentType] ?? "").prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        guard mediaType == "application/json" else {
            throw BerthError(.unsupportedMediaType, "The body must be JSON: send “Content-Type: application/json”.")
        }
        if case .object(let members) = endpoint.body { return try BodyFields(json: bytes, allowed: members) }
        return try BodyFields(json: bytes, allowed: [])
    }

    private func attempt(
        _ request: Request, _ bytes: [UInt8], _ caller: Caller?, for endpoint: Endpoint
    ) throws(BerthError) -> IdempotentAttempt? {
        guard endpoint.method == .post, let caller, let key = request.headers[.idempotencyKey] else { return nil }
        if let reason = endpoint.refusesIdempotencyKey {
            throw BerthError(.invalidArgument, "“Idempotency-Key” is not accepted here. \(reason)")
        }
        return try IdempotentAttempt(
            key: key, token: caller.token.id, method: endpoint.method, path: request.head.path ?? "/", body: bytes)
    }
}
