import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A request to S3 before it is signed.
struct S3Request {
    var method: HTTPMethod
    /// `nil` for the bucket itself.
    var key: String?
    var query: [(String, String)] = []
    var headers: [(String, String)] = []
    var body: [UInt8] = []
    /// What the request is about, for errors.
    var name: String
}

/// Signs requests and sends them.
struct S3Connection: Sendable {
    let configuration: S3Configuration
    let client: HTTPClient
    let now: @Sendable () -> Date

    init(_ configuration: S3Configuration, now: @escaping @Sendable () -> Date) {
        var settings = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: configuration.connectTimeout, read: configuration.readIdleTimeout))
        settings.httpVersion = .http1Only
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.connectionLimit
        // The request budget retries; a client that retries underneath would hide an outage from it.
        settings.connectionPool.retryConnectionEstablishment = false
        self.configuration = configuration
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        self.now = now
    }

    /// Sends a request and returns the answer's head, whatever its status.
    func send(_ request: S3Request) async throws -> HTTPClientResponse {
        do {
            return try await client.execute(signed(request), timeout: configuration.requestTimeout)
        } catch {
            throw Self.failure(error)
        }
    }

    static func failure(_ error: any Error) -> any Error {
        if error is CancellationError || Task.isCancelled { return CancellationError() }
        if let error = error as? ObjectStoreError { return error }
        let isFinal = (error as? HTTPClientError).map { $0 == .alreadyShutdown || $0 == .invalidURL } ?? false
        return ObjectStoreError.unavailable(reason: "\(error)", retryable: !isFinal)
    }

    func signed(_ request: S3Request) -> HTTPClientRequest {
        let endpoint = configuration.endpoint
        var host = endpoint.host
        var path = request.key.map { "/\($0)" } ?? "/"
        switch configuration.style {
        case .path: path = request.key == nil ? "/\(configuration.bucket)" : "/\(configuration.bucket)\(path)"
        case .virtual: host = "\(configuration.bucket).\(host)"
        }
        if let port = endpoint.port { host += ":\(port)" }

        let payloadHash = SigV4.sha256(request.body)
        let timestamp = S3Dates.amzDate(now())
        var headers = request.headers
        headers += [("host", host), ("x-amz-content-sha256", payloadHash), ("x-amz-date", timestamp)]
        if let token = configuration.credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        let authorization = SigV4(credentials: configuration.credentials, region: configuration.region).authorization(
            method: request.method.rawValue, path: path, query: request.query, headers: headers,
            payloadHash: payloadHash, timestamp: timestamp)

        var url = "\(endpoint.isSecure ? "https" : "http")://\(host)\(URIEncoding.encode(path, keepingSlash: true))"
        if !request.query.isEmpty { url += "?\(SigV4.canonicalQuery(request.query))" }
        var message = HTTPClientRequest(url: url)
        message.method = request.method
        for (name, value) in headers { message.headers.add(name: name, value: value) }
        message.headers.add(name: "authorization", value: authorization)
        if request.method == .PUT || request.method == .POST { message.body = .bytes(ByteBuffer(bytes: request.body)) }
        return message
    }
}
