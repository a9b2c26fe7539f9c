import NIOCore
import NIOPosix
import Synchronization

/// A server that answers what the test says, byte for byte, and closes the connection after each answer.
final class ScriptedServer: Sendable {
    private let script: Script
    private let channel: any Channel

    /// Everything received, a whole request each.
    var requests: [String] { script.requests }
    var port: Int { channel.localAddress?.port ?? 0 }

    /// - Parameter answers: One after the other; the last one is repeated. An empty one closes without an answer.
    static func run(_ answers: [String], _ test: (ScriptedServer) async throws -> Void) async throws {
        let server = try await ScriptedServer(answers)
        do {
            try await test(server)
        } catch {
            try await server.channel.close()
            throw error
        }
        try await server.channel.close()
    }

    private init(_ answers: [String]) async throws {
        let script = Script(answers)
        self.script = script
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Conversation(script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }
}

/// What is left to answer and what was asked.
private final class Script: Sendable {
    private let state: Mutex<(answers: [String], requests: [String])>

    init(_ answers: [String]) { state = Mutex((answers, [])) }

    var requests: [String] { state.withLock { $0.requests } }

    func answer(_ request: String) -> String {
        state.withLock { state in
            state.requests.append(request)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers.first ?? ""
        }
    }
}

private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let script: Script
    private var received = ""

    init(_ script: Script) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard isWhole else { return }
        let answer = script.answer(received)
        received = ""
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        context.close(promise: nil)
    }

    private var isWhole: Bool {
        guard let end = received.firstRange(of: "\r\n\r\n") else { return false }
        let length = received[..<end.lowerBound].split(separator: "\r\n")
            .first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: ":")[1].drop { $0 == " " }) } ?? 0
        return received[end.upperBound...].utf8.count >= length
    }
}
