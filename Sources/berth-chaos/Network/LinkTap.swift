import NIOCore

/// Tells a connection what one of its sides sends.
final class LinkTap: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: LinkConnection
    private let direction: LinkCondition.Direction

    init(_ connection: LinkConnection, _ direction: LinkCondition.Direction) {
        self.connection = connection
        self.direction = direction
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { connection.received(unwrapInboundIn(data), direction) }
    func channelInactive(context: ChannelHandlerContext) { connection.ended(direction) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { connection.reset() }
}
