import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP/1.1 server that reads requests to their end and answers each with the same bytes, and does nothing else: the most that SwiftNIO can do.
final class BareServer: Sendable {
    let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    /// - Parameter body: of every answer.
    init(answering body: [UInt8], headers: [(String, String)]) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let content = ByteBuffer(bytes: body)
        var fields = HTTPHeaders(headers)
        fields.replaceOrAdd(name: "content-length", value: "\(body.count)")
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: fields)
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(Answering(head: head, content: content))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = channel.localAddress?.port else { throw WorkLost("the bare server has no port") }
        self.port = port
    }

    func stop() async throws {
        try await channel.close()
        try await group.shutdownGracefully()
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let head: HTTPResponseHead
        private let content: ByteBuffer

        init(head: HTTPResponseHead, content: ByteBuffer) {
            self.head = head
            self.content = content
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .end = unwrapInboundIn(data) else { return }
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(content))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
