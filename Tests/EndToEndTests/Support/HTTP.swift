import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// One answer, read whole.
struct HTTPReply: Sendable, CustomStringConvertible {
    let status: Int
    let headers: HTTPHeaders
    let body: Data

    var text: String { String(decoding: body, as: UTF8.self) }

    /// - Throws: when the body is no JSON.
    func json() throws -> JSON { try JSON.parse(body) }

    /// The stable code of an error answer.
    var code: String? { (try? json())?["code"]?.string }

    var description: String { "\(status) \(text.prefix(600))" }
}

/// Plain HTTP for tests: no redirects, nothing sent twice.
enum HTTP {
    /// For the life of the process.
    private static let client = {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2)),
            connectionPool: .init(idleTimeout: .seconds(20), concurrentHTTP1ConnectionsPerHostSoftLimit: 256))
        // A refused connection is an answer.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(configuration: configuration)
    }()

    /// - Throws: `HTTPClientError` and the like, when there was no whole answer.
    static func send(
        _ method: HTTPMethod, _ url: String, headers: [(String, String)] = [], body: Data? = nil,
        timeout: TimeAmount = .seconds(40)
    ) async throws -> HTTPReply {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers = HTTPHeaders(headers)
        if let body { request.body = .bytes(ByteBuffer(data: body)) }
        let response = try await client.execute(request, timeout: timeout)
        let answer = Data(buffer: try await response.body.collect(upTo: 256 << 20))
        return HTTPReply(status: Int(response.status.code), headers: response.headers, body: answer)
    }
}
