import FleetModel
import NIOCore

/// The whole pipeline of a connection there is no room for: it is told so and closed, whatever it sends.
final class Turnaway: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let answer: ByteBuffer = {
        let body = #"{"message":"There are too many connections; nothing was read. Use fewer, or try again in a moment.","code":"node_busy"}"#
        return ByteBuffer(
            string: """
                HTTP/1.1 \(BerthError.Code.nodeBusy.httpStatus) Service Unavailable\r
                content-type: application/json\r
                content-length: \(body.utf8.count)\r
                retry-after: 1\r
                connection: close\r
                \r
                \(body)
                """)
    }()

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        context.writeAndFlush(NIOAny(Self.answer)).whenComplete { _ in channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
