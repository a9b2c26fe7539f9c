import NIOCore
import NIOHTTP1

/// Next to the HTTP decoder: tells the watch of requests and answers, and lets nothing in after the last answer.
///
/// A stranger (401) whose request is not all there, and whoever is told `connection: close` before it is, reads the answer to its end;
/// what it still sends is thrown away for a while, so that the answer is not lost with a reset connection.
final class RequestWatch: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let watch: ConnectionWatch
    /// The answer that is being written is the last one.
    private var isLastAnswer = false
    /// Nothing is let in any more.
    private var isDeaf = false

    init(_ watch: ConnectionWatch) { self.watch = watch }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDeaf, !watch.progress.isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            // Until it is answered, nothing else is asked on this connection.
            guard Self.namesOneHost(head) else {
                isDeaf = true
                context.fireErrorCaught(HTTPParserError.invalidHeaderToken)
                return
            }
            guard watch.headArrived() else {
                isDeaf = true
                return
            }
        case .body: break
        case .end: watch.requestEnded()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            let isStranger = head.status == .unauthorized && watch.progress.isReceiving
            if isStranger, head.isKeepAlive {
                head.headers.replaceOrAdd(name: "connection", value: "close")
            }
            isLastAnswer = !head.isKeepAlive
            watch.answerBegan()
            context.write(isStranger ? wrapOutboundOut(.head(head)) : data, promise: promise)
        case .end:
            let lingers = isLastAnswer && watch.progress.isReceiving
            watch.answerEnded(closes: isLastAnswer)
            guard lingers else {
                context.write(data, promise: promise)
                return
            }
            let written = promise ?? context.eventLoop.makePromise(of: Void.self)
            let loopBound = context.loopBound
            written.futureResult.whenSuccess { loopBound.value.close(mode: .output, promise: nil) }
            context.write(data, promise: written)
        default: context.write(data, promise: promise)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, watch.progress.isOver {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// RFC 9112, 3.2: an HTTP/1.1 request has exactly one Host. What is in front of Berth may have gone by another one than Berth would.
    private static func namesOneHost(_ head: HTTPRequestHead) -> Bool {
        var hosts = 0
        for (name, _) in head.headers where name.utf8.count == 4 && name.lowercased() == "host" { hosts += 1 }
        return hosts == 1 || hosts == 0 && (head.version == .http1_0 || head.version.major == 0)
    }
}
