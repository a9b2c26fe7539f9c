import AsyncHTTPClient
import Chaos
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// A database, as a client without a library speaks to it through one gateway or node.
struct DataClient: DatabaseClient {
    let http: HTTPClient
    /// `http://host:port`
    let url: String
    let database: String
    let token: String
    let timeout: Duration

    func send(_ call: ClientCall) async throws(CallFailure) -> [UInt8] {
        var request = HTTPClientRequest(url: "\(url)/db/\(database)\(call.path)")
        request.method = .POST
        request.headers = ["authorization": "Bearer \(token)"]
        request.body = .bytes(ByteBuffer(string: call.body))
        let status: Int, body: [UInt8]
        do {
            let response = try await http.execute(request, timeout: .nanoseconds(timeout.wholeNanoseconds))
            status = Int(response.status.code)
            body = Array(buffer: try await response.body.collect(upTo: 64 << 20))
        } catch {
            throw Self.failure(error)
        }
        guard status == 200 else { throw CallFailure(status: status, body: body) }
        return body
    }

    private static func failure(_ error: any Error) -> CallFailure {
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
