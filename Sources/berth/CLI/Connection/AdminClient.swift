import AdminAPI
import AsyncHTTPClient
import FleetModel
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix

/// Speaks to a manager's REST API.
struct AdminClient: Sendable {
    let address: FleetAddress

    /// For the life of the process. A refused connection is an answer: it is not tried again until the time is up. No redirects: they
    /// would send again what may have been carried out.
    private static let http = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)))
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(configuration: configuration)
    }()

    /// How long an answer may take that waits for nothing.
    static let patience = TimeAmount.seconds(30)
    /// Waits between the attempts of a request that is safe to repeat.
    static let pauses: [Duration] = [.milliseconds(200), .milliseconds(800), .seconds(2)]
    private static let largestAnswer = 64 << 20

    func get<Resource: Decodable>(
        _ path: [String], query: [(String, String?)] = [], patience: TimeAmount = patience
    ) async throws -> Resource {
        try decode(try await send(.GET, path, query: query, patience: patience))
    }

    /// - Parameter idempotencyKey: with one, the request is repeated when its answer is lost.
    func post<Resource: Decodable>(
        _ path: [String], body: (any Encodable)? = nil, idempotencyKey: String? = nil
    ) async throws -> Resource {
        let bytes = try body.map { try ResourceCoding.encoder().encode($0) }
        guard let idempotencyKey else { return try decode(try await send(.POST, path, body: bytes)) }
        for pause in Self.pauses {
            do {
                return try decode(try await send(.POST, path, body: bytes, idempotencyKey: idempotencyKey))
            } catch let failure as ClientFailure where failure.isTransient {
                try await Task.sleep(for: pause)
            }
        }
        return try decode(try await send(.POST, path, body: bytes, idempotencyKey: idempotencyKey))
    }

    func delete(_ path: [String]) async throws {
        _ = try await send(.DELETE, path)
    }

    private func send(
        _ method: HTTPMethod, _ path: [String], query: [(String, String?)] = [], body: Data? = nil,
        idempotencyKey: String? = nil, patience: TimeAmount = patience
    ) async throws -> Data {
        var request = HTTPClientRequest(url: address.url + Self.target(path, query))
        request.method = method
        request.headers.add(name: "Accept", value: "application/json")
        if let token = address.token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let idempotencyKey { request.headers.add(name: "Idempotency-Key", value: idempotencyKey) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(data: body))
        }
        let status: Int
        let answer: Data
        do {
            let response = try await Self.http.execute(request, timeout: patience)
            status = Int(response.status.code)
            answer = Data(buffer: try await response.body.collect(upTo: Self.largestAnswer))
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            throw ClientFailure.noAnswer(address)
        } catch let error as CancellationError { throw error } catch {
            throw ClientFailure.unreachable(address, Self.cause(of: error))
        }
        guard (200..<300).contains(status) else { throw ClientFailure(status: status, body: answer) }
        return answer
    }

    private static func cause(of error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { cause(of: $0.error) } ?? "the host “\(error.host)” is unknown"
        default: "\(error)"
        }
    }

    private func decode<Resource: Decodable>(_ answer: Data) throws -> Resource {
        do { return try ResourceCoding.decoder().decode(Resource.self, from: answer) } catch {
            throw ClientFailure(status: 200, body: Data())
        }
    }

    /// Path and query of a request; every part is escaped.
    static func target(_ path: [String], _ query: [(String, String?)]) -> String {
        let pairs = query.compactMap { name, value in value.map { "\(escaped(name))=\(escaped($0))" } }
        return "/v1/" + path.map(escaped).joined(separator: "/") + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    }

    private static func escaped(_ text: String) -> String {
        // RFC 3986's unreserved characters.
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
    }
}
