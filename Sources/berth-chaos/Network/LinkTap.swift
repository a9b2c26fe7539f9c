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

/// Where a connection comes in: who made it is known only once it is active.
final class LinkEntrance: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let accept: (any Channel) -> LinkConnection

    init(_ accept: @escaping (any Channel) -> LinkConnection) { self.accept = accept }

    func channelActive(context: ChannelHandlerContext) {
        let connection = accept(context.channel)
        do {
            try context.pipeline.syncOperations.addHandler(LinkTap(connection, .forth), position: .after(self))
        } catch {
            return connection.reset()
        }
        connection.begin()
    }
}
