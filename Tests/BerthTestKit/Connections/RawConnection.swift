public import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection on which a test sends and sees the very bytes.
public final class RawConnection: Sendable {
    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex<(received: [UInt8], isClosed: Bool)>(([], false))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            state.withLock { $0.received.append(contentsOf: buffer.readableBytesView) }
        }
        func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.isClosed = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let collector: Collector

    /// - Parameter reads: otherwise what arrives stays with the kernel.
    public init(port: Int, reads: Bool = true) async throws {
        let collector = Collector()
        self.collector = collector
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(collector) }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    public var received: String { String(decoding: collector.state.withLock { $0.received }, as: UTF8.self) }
    public var isClosed: Bool { collector.state.withLock { $0.isClosed } }

    public func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }
    public func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes) }

    /// Everything received by the time `condition` holds of it.
    public func receive(until condition: (String) -> Bool) async -> String {
        while !Task.isCancelled, !condition(received), !isClosed { try? await Task.sleep(for: .milliseconds(1)) }
        return received
    }

    /// Everything received by the time the other side closes.
    public func receiveToEnd() async -> String {
        while !Task.isCancelled, !isClosed { try? await Task.sleep(for: .milliseconds(1)) }
        return received
    }

    public func close() async { try? await channel.close() }
}
