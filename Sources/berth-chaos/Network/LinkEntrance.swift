import Dispatch
import NIOCore

/// Where a connection comes in: nothing is read before it is known who made it.
final class LinkEntrance: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let source: LinkProxy.Source
    private let connection: (any Channel, String) -> LinkConnection
    private static let lookUps = DispatchQueue(label: "berth.chaos.look-ups")

    init(_ source: LinkProxy.Source, _ connection: @escaping (any Channel, String) -> LinkConnection) {
        self.source = source
        self.connection = connection
    }

    func channelActive(context: ChannelHandlerContext) {
        switch source {
        case .always(let name): begin(context.channel, from: name)
        case .lookUp(let lookUp):
            let channel = context.channel, port = channel.remoteAddress?.port ?? 0
            let here = NIOLoopBound(self, eventLoop: context.eventLoop)
            Self.lookUps.async {
                let name = lookUp(port)
                channel.eventLoop.execute { here.value.begin(channel, from: name) }
            }
        }
    }

    private func begin(_ channel: any Channel, from name: String) {
        guard channel.isActive else { return }
        let connection = connection(channel, name)
        do { try channel.pipeline.syncOperations.addHandler(LinkTap(connection, .forth)) } catch { return connection.reset() }
        connection.begin()
        channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
    }
}
