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
    var body: ArraySlice<UInt8> = []
    /// Bytes of the answer that are asked for.
    var expectedBytes = 0
    /// What the request is about, for errors.
    var name: String
}

/// Signs requests and sends them.
struct S3Connection: Sendable {
    let configuration: S3Configuration
    private let client: HTTPClient
    /// Without a limit for a silent answer: while a body is on its way there is none to come.
    private let uploads: HTTPClient
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
        settings.timeout.read = nil
        self.uploads = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        self.now = now
    }

    /// Sends a request and returns the answer's head, whatever its status.
    func send(_ request: S3Request) async throws -> HTTPClientResponse {
        let isUpload = request.body.count > Self.smallBody
        do {
            return try await (isUpload ? uploads : client).execute(signed(request), timeout: timeout(of: request))
        } catch {
            throw Self.failure(error)
        }
    }

    /// Bodies up to this size are sent before anybody would wait for their answer.
    private static let smallBody = 64 << 10

    func timeout(of request: S3Request) -> TimeAmount {
        let bytes = Int64(request.body.count) + Int64(request.expectedBytes)
        let moving = TimeAmount.nanoseconds(Int64(Double(bytes) / Double(max(1, configuration.minimumBytesPerSecond)) * 1e9))
        return (request.body.count > Self.smallBody ? configuration.uploadTimeout : configuration.requestTimeout) + moving
    }

    func shutdown() async throws {
        try await client.shutdown()
        try await uploads.shutdown()
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
