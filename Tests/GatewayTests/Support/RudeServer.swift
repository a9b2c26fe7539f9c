import NIOCore
import NIOPosix
import Synchronization

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
