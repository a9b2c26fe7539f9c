import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection on which a test sends and sees the very bytes.
final class RawConnection: Sendable {
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
    init(port: Int, reads: Bool = true) async throws {
        let collector = Collector()
        self.collector = collector
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(collector) }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    var received: String { String(decoding: collector.state.withLock { $0.received }, as: UTF8.self) }
    var isClosed: Bool { collector.state.withLock { $0.isClosed } }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }

    /// Everything received by the time `condition` holds of it.
    func receive(until condition: (String) -> Bool) async -> String {
        await eventually { condition(received) || isClosed }
        return received
    }

    /// Everything received by the time the other side closes.
    func receiveToEnd() async -> String {
        await eventually { isClosed }
        return received
    }

    func close() async throws { try? await channel.close() }
}

/// A server that reads requests and then misbehaves.
final class RudeServer: Sendable {
    enum Manner: Sendable {
        /// Closes the connection once a request has arrived in full.
        case hangUp
        /// Never answers.
        case silent
        /// Answers so, and closes the connection.
        case answers(String)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let manner: Manner
        private let marker: String
        private let arrived: @Sendable () -> Void
        private var text = ""

        init(manner: Manner, marker: String, arrived: @escaping @Sendable () -> Void) {
            self.manner = manner
            self.marker = marker
            self.arrived = arrived
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            guard text.contains(marker) else { return }
            text = ""
            arrived()
            switch manner {
            case .silent: break
            case .hangUp: context.close(promise: nil)
            case .answers(let text):
                let channel = context.channel
                channel.writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in channel.close(promise: nil) }
            }
        }
    }

    let port: Int
    private let channel: any Channel
    private let count: Counter

    private final class Counter: Sendable {
        let value = Mutex(0)
    }

    /// - Parameter marker: what the last bytes of a request contain.
    init(_ manner: Manner, marker: String) async throws {
        let count = Counter()
        self.count = count
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(manner: manner, marker: marker) { count.value.withLock { $0 += 1 } })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    /// Requests that arrived in full, each of which would have been executed.
    var arrived: Int { count.value.withLock { $0 } }

    func close() async { try? await channel.close() }
}

/// A port on which nobody listens.
func deadPort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
}
