import AsyncHTTPClient
import Chaos
import Foundation
import Glibc
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix

/// A database, as a client without a library speaks to it through one gateway or node.
struct DataClient: PipelineClient {
    let http: HTTPClient
    /// `http://host:port`
    let url: String
    let database: String
    let token: String
    let timeout: Duration

    func pipeline(_ requests: [HranaRequest], baton: String?) async throws(PipelineFailure) -> PipelineReply {
        var request = HTTPClientRequest(url: "\(url)/db/\(database)/v2/pipeline")
        request.method = .POST
        request.headers = ["authorization": "Bearer \(token)", "content-type": "application/json"]
        request.body = .bytes(ByteBuffer(string: HranaRequest.pipeline(requests, baton: baton)))
        let status: Int, body: ByteBuffer
        do {
            let response = try await http.execute(request, timeout: .nanoseconds(timeout.wholeNanoseconds))
            status = Int(response.status.code)
            body = try await response.body.collect(upTo: 64 << 20)
        } catch {
            throw Self.failure(error)
        }
        guard status == 200 else {
            let reply = try? JSONDecoder().decode(ErrorReply.self, from: Data(buffer: body))
            guard let code = reply?.code else { throw .lost("status \(status)") }
            throw .refused(code: code, message: reply?.message ?? "")
        }
        do { return try JSONDecoder().decode(PipelineReply.self, from: Data(buffer: body)) } catch {
            throw .lost("an answer that cannot be read: \(error)")
        }
    }

    private static func failure(_ error: any Error) -> PipelineFailure {
        switch error {
        case is NIOConnectionError: .notConnected
        case let error as HTTPClientError where error == .connectTimeout: .notConnected
        case let error as HTTPClientError where error == .deadlineExceeded: .lost("timeout")
        case let error as HTTPClientError where error == .remoteConnectionClosed: .lost("connection closed")
        case let error as IOError where error.errnoCode == ECONNREFUSED: .notConnected
        case let error as IOError: .lost("errno \(error.errnoCode)")
        default: .lost("\(error)")
        }
    }
}

extension HTTPClient {
    /// No redirects, nothing sent twice; a refused connection is an answer.
    static func plain() -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2)),
            connectionPool: .init(idleTimeout: .seconds(20), concurrentHTTP1ConnectionsPerHostSoftLimit: 512))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
