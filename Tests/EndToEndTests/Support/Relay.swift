import NIOCore
import NIOPosix
import Synchronization

/// A port of 127.0.0.1 that leads to another one, until it is cut: what a server looks like that goes away and comes back with all it had.
final class Relay: Sendable {
    private struct State {
        var isCut = false
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let listener: any Channel
    private let state: Shared

    /// Referred to by the connections, which the relay refers to.
    private final class Shared: Sendable {
        let state = Mutex(State())

        /// - Returns: whether the connection may be: it is closed when the relay is cut.
        func take(_ channel: any Channel) -> Bool {
            let isTaken = state.withLock { state in
                if !state.isCut { state.channels[ObjectIdentifier(channel)] = channel }
                return !state.isCut
            }
            channel.closeFuture.whenComplete { _ in self.state.withLock { _ = $0.channels.removeValue(forKey: ObjectIdentifier(channel)) } }
            return isTaken
        }
    }

    private init(listener: any Channel, state: Shared) {
        self.listener = listener
        self.state = state
    }

    static func start(to port: UInt16) async throws -> Relay {
        let shared = Shared()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { inbound in
                guard shared.take(inbound) else { return inbound.close() }
                return ClientBootstrap(group: inbound.eventLoop).connect(host: "127.0.0.1", port: Int(port)).flatMap { outbound in
                    _ = shared.take(outbound)
                    return inbound.eventLoop.makeCompletedFuture {
                        try inbound.pipeline.syncOperations.addHandler(PassOn(to: outbound))
                        try outbound.pipeline.syncOperations.addHandler(PassOn(to: inbound))
                    }
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        return Relay(listener: listener, state: shared)
    }

    var endpoint: String { "http://127.0.0.1:\(listener.localAddress?.port ?? 0)" }

    /// Breaks every connection off, and each that comes from now on.
    func cut() {
        let channels = state.state.withLock { state in
            state.isCut = true
            return Array(state.channels.values)
        }
        for channel in channels { channel.close(promise: nil) }
    }

    func mend() { state.state.withLock { $0.isCut = false } }

    func stop() async {
        cut()
        try? await listener.close()
    }
}

/// Passes on what arrives, and the end.
private final class PassOn: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let partner: any Channel

    init(to partner: any Channel) { self.partner = partner }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { partner.writeAndFlush(unwrapInboundIn(data), promise: nil) }
    func channelInactive(context: ChannelHandlerContext) { partner.close(promise: nil) }
}
