import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix

/// A database, as a client without a library speaks to it through one gateway or node.
struct DataClient: Sendable {
    let http: HTTPClient
    /// `http://host:port`
    let url: String
    let database: String
    let token: String
    let timeout: Duration

    /// Why a request got no result.
    enum Failure: Error, Sendable, CustomStringConvertible {
        /// Somebody answered with an error of this code.
        case refused(code: String, message: String)
        /// Nothing was sent.
        case notConnected
        /// Whatever was sent may have been executed.
        case lost(String)

        var description: String {
            switch self {
            case .refused(let code, let message): "\(code): \(message)"
            case .notConnected: "not connected"
            case .lost(let why): "no answer: \(why)"
            }
        }
    }

    func pipeline(_ requests: [HranaRequest], baton: String? = nil) async throws(Failure) -> PipelineReply {
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

    /// Executes one statement outside a transaction.
    @discardableResult
    func execute(_ sql: String, _ arguments: [HranaRequest.Argument] = []) async throws(Failure) -> PipelineReply.Result {
        try Self.result(0, of: await pipeline([.execute(sql, arguments), .close]))
    }

    /// The result of a request of a pipeline.
    static func result(_ index: Int, of reply: PipelineReply) throws(Failure) -> PipelineReply.Result {
        do { return try reply.result(index) } catch { throw .refused(code: error.code ?? "-", message: error.message) }
    }

    private static func failure(_ error: any Error) -> Failure {
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
