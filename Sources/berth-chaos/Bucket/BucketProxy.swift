import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP server in front of the object store that does to requests what ``BucketTroubles`` says.
final class BucketProxy: Sendable {
    let port: Int
    private let channel: any Channel

    private init(channel: any Channel, port: Int) {
        self.channel = channel
        self.port = port
    }

    /// - Parameter upstream: `http://host:port` of the store.
    static func start(upstream: String, client: HTTPClient, troubles: BucketTroubles) async throws -> BucketProxy {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: true)
                    try channel.pipeline.syncOperations.addHandler(
                        BucketExchange(ProxiedBucket(upstream: upstream, client: client, troubles: troubles)))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = channel.localAddress?.port else { throw ChaosError("The object store's proxy has no port.") }
        return BucketProxy(channel: channel, port: port)
    }

    func stop() async { try? await channel.close() }
}

/// One connection to the proxy: a request after the other, each passed on whole.
private final class BucketExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let proxied: ProxiedBucket
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var treatment = BucketTreatment.pass
    private var delay = Duration.zero
    /// Bytes of the body after which the connection ends.
    private var cutAfter: Int?

    init(_ proxied: ProxiedBucket) { self.proxied = proxied }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
            self.head = head
            body = ByteBuffer()
            (treatment, delay) = proxied.troubles.treatment(hasBody: length > 0)
            if case .cutRequest = treatment { cutAfter = length / 2 } else { cutAfter = nil }
        case .body(var part):
            let bytes = part.readableBytes
            body.writeBuffer(&part)
            if let cutAfter, body.readableBytes >= cutAfter { return end(context) }
            rest(context, after: bytes)
        case .end:
            guard let head else { return }
            answer(head, body, context.channel)
        }
    }

    /// In the middle of the request; what comes of it is not looked at any more.
    private func end(_ context: ChannelHandlerContext) {
        head = nil
        context.close(promise: nil)
    }

    /// Reads on only when what was read has gone through at the speed of the moment, so that the sender has to wait.
    private func rest(_ context: ChannelHandlerContext, after bytes: Int) {
        let pause = proxied.troubles.pause(after: bytes)
        guard pause > .zero else { return }
        let channel = context.channel
        channel.setOption(.autoRead, value: false).whenSuccess {
            channel.eventLoop.scheduleTask(in: TimeAmount(pause)) { channel.setOption(.autoRead, value: true) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer, _ channel: any Channel) {
        let proxied = proxied, treatment = treatment, delay = delay
        Task { await proxied.carryOut(head, body, treatment, after: delay, channel) }
    }
}

/// The store behind the proxy.
private struct ProxiedBucket: Sendable {
    let upstream: String
    let client: HTTPClient
    let troubles: BucketTroubles

    /// The store answers within this time, or the connection ends.
    private static let patience: TimeAmount = .seconds(30)
    /// Headers that concern one connection only.
    private static let connectionHeaders = ["connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"]

    func carryOut(
        _ head: HTTPRequestHead, _ body: ByteBuffer, _ treatment: BucketTreatment, after delay: Duration, _ channel: any Channel
    ) async {
        if delay > .zero { try? await Task.sleep(for: delay) }
        switch treatment {
        case .refuse(let status): return Self.respond(Self.refusal(status), head, to: channel)
        case .cutRequest: return Self.cut(channel)
        case .pass, .cutReply, .loseReply, .denyReply: break
        }
        guard let reply = try? await ask(head, body) else { return Self.cut(channel) }
        try? await Task.sleep(for: troubles.pause(after: reply.body.readableBytes))
        switch treatment {
        case .loseReply: Self.cut(channel)
        case .denyReply: Self.respond(Self.refusal(500), head, to: channel)
        case .cutReply: Self.respondHalf(reply, head, to: channel)
        case .pass, .refuse, .cutRequest: Self.respond(reply, head, to: channel)
        }
    }

    private struct Reply: Sendable {
        var head: HTTPResponseHead
        var body: ByteBuffer
    }

    private func ask(_ head: HTTPRequestHead, _ body: ByteBuffer) async throws -> Reply {
        var request = HTTPClientRequest(url: upstream + head.uri)
        request.method = head.method
        request.headers = head.headers
        for name in Self.connectionHeaders { request.headers.remove(name: name) }
        request.headers.remove(name: "content-length")
        if body.readableBytes > 0 { request.body = .bytes(body) }
        let response = try await client.execute(request, timeout: Self.patience)
        let bytes = head.method == .HEAD ? ByteBuffer() : try await response.body.collect(upTo: 1 << 30)
        var headers = response.headers
        for name in Self.connectionHeaders { headers.remove(name: name) }
        if head.method != .HEAD { headers.replaceOrAdd(name: "content-length", value: String(bytes.readableBytes)) }
        return Reply(head: HTTPResponseHead(version: .http1_1, status: response.status, headers: headers), body: bytes)
    }

    private static func refusal(_ status: Int) -> Reply {
        let body = ByteBuffer(
            string: #"<?xml version="1.0" encoding="UTF-8"?><Error><Code>\#(status == 503 ? "SlowDown" : "InternalError")</Code>"#
                + "<Message>Trouble on purpose.</Message></Error>")
        let headers: HTTPHeaders = ["content-type": "application/xml", "content-length": String(body.readableBytes)]
        return Reply(
            head: HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers), body: body)
    }

    private static func respond(_ reply: Reply, _ request: HTTPRequestHead, to channel: any Channel) {
        channel.write(HTTPServerResponsePart.head(reply.head), promise: nil)
        if request.method != .HEAD, reply.body.readableBytes > 0 {
            channel.write(HTTPServerResponsePart.body(.byteBuffer(reply.body)), promise: nil)
        }
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }

    /// Says how long the answer is, sends half of it, and goes.
    private static func respondHalf(_ reply: Reply, _ request: HTTPRequestHead, to channel: any Channel) {
        guard request.method != .HEAD, reply.body.readableBytes > 1 else { return cut(channel) }
        channel.write(HTTPServerResponsePart.head(reply.head), promise: nil)
        var half = reply.body
        half.moveWriterIndex(to: half.readerIndex + half.readableBytes / 2)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(half))).whenComplete { _ in cut(channel) }
    }

    private static func cut(_ channel: any Channel) { channel.close(promise: nil) }
}
