import FleetModel
import NIOCore
import NIOHTTP1

/// One connection: collects each request, has it answered by one task, writes the answer on the event loop.
///
/// `HTTPServerPipelineHandler` in front of it lets the next request in only after the answer to the one before, so
/// there is at most one task. It also ends the connection when the server shuts down.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Waiting for a request, or for the rest of one.
        case receiving
        /// A task answers this request.
        case answering(HTTPRequestHead, Task<Void, Never>)
        /// The last answer was written or the peer is gone.
        case finished
    }

    private let door: FrontDoor
    private var assembly: RequestAssembly
    private var state = State.receiving
    private let refusedBody: TimeAmount
    /// The answer is on its way, piece by piece.
    private var isSending = false
    /// Ends the connection of a refused request whose body does not end.
    private var patience: Scheduled<Void>?

    /// - Parameter refusedBody: how long the rest of a body that was refused is read.
    init(door: FrontDoor, maximumBytes: Int, refusedBody: TimeAmount) {
        self.door = door
        self.refusedBody = refusedBody
        assembly = RequestAssembly(maximumBytes: maximumBytes)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch assembly.receive(unwrapInboundIn(data)) {
        case .none: break
        case .sendContinue:
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        case .respond(let request): respond(to: request, context: context)
        case .refuse(let error, let head):
            state = .finished
            let (reply, requestID) = door.refuse(error, head: head)
            write(reply, requestID, to: head, thenClose: true, context: context, promise: nil)
            let channel = context.channel
            patience = context.eventLoop.scheduleTask(in: refusedBody) { channel.close(promise: nil) }
        case .close: context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError, case .receiving = state else {
            context.close(promise: nil)
            return
        }
        state = .finished
        let (reply, requestID) = door.refuse(
            BerthError(.malformedRequest, "This is not an HTTP/1.1 request that can be read: \(error)"), head: nil)
        let written = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        write(reply, requestID, to: nil, thenClose: true, context: context, promise: written)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Nobody is left to read the answer: what still waits for a leader stops waiting.
        if case .answering(_, let task) = state { task.cancel() }
        state = .finished
        patience?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            // A reader that takes nothing for this long is gone.
            if case .answering = state, !isSending { return }
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func respond(to request: IncomingRequest, context: ChannelHandlerContext) {
        let answering = AnswerTask(
            door: door, handler: NIOLoopBound(self, eventLoop: context.eventLoop),
            context: NIOLoopBound(context, eventLoop: context.eventLoop))
        let task = Task { await answering.run(request) }
        state = .answering(request.head, task)
    }

    // MARK: Answers in one piece

    func answered(_ reply: OutgoingReply, _ requestID: String, context: ChannelHandlerContext) {
        invariant(reply.rest == nil, "an answer that comes in pieces is sent as if it were whole")
        guard case .answering(let head, _) = state else { return }
        // Before the write: it may bring the next request.
        let (keepsAlive, written) = endRequest(head, context: context)
        write(reply, requestID, to: head, thenClose: !keepsAlive, context: context, promise: written)
    }

    /// Makes ready for the next request, or for the end of the connection once the promise is fulfilled.
    private func endRequest(
        _ head: HTTPRequestHead, context: ChannelHandlerContext, ends: Bool = false
    ) -> (keepsAlive: Bool, written: EventLoopPromise<Void>?) {
        if Self.keepsAlive(head) && !ends {
            state = .receiving
            return (true, nil)
        }
        return (false, closing(context))
    }

    private func closing(_ context: ChannelHandlerContext) -> EventLoopPromise<Void> {
        state = .finished
        let written = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        return written
    }

    /// After an upgrade the decoder reads nothing more, and none was granted.
    private static func keepsAlive(_ head: HTTPRequestHead) -> Bool {
        head.isKeepAlive && !head.headers.contains(name: "upgrade") && head.method != .CONNECT
    }

    private func write(
        _ reply: OutgoingReply, _ requestID: String, to request: HTTPRequestHead?, thenClose: Bool,
        context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        var head = Self.head(of: reply, requestID, to: request, thenClose: thenClose)
        head.headers.add(name: "content-length", value: String(reply.body.count))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request?.method != .HEAD, !reply.body.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: reply.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
    }

    private static func head(
        of reply: OutgoingReply, _ requestID: String, to request: HTTPRequestHead?, thenClose: Bool
    ) -> HTTPResponseHead {
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status))
        head.headers.reserveCapacity(4 + reply.headers.count)
        head.headers.add(name: "content-type", value: reply.contentType)
        head.headers.add(name: FrontDoor.requestIDHeader, value: requestID)
        for (name, value) in reply.headers { head.headers.add(name: name, value: value) }
        if thenClose {
            head.headers.add(name: "connection", value: "close")
        } else if request?.version == .http1_0 {
            head.headers.add(name: "connection", value: "keep-alive")
        }
        return head
    }

    // MARK: Answers that are made while they are sent

    func begin(_ reply: OutgoingReply, _ requestID: String, context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        guard case .answering(let request, _) = state else { return Self.gone(context) }
        isSending = true
        // HTTP/1.0 knows no chunks: its end is the end of the connection.
        let isChunked = request.version != .http1_0
        var head = Self.head(of: reply, requestID, to: request, thenClose: !isChunked || !Self.keepsAlive(request))
        if !isChunked { head.version = .http1_0 }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        return write(reply.body, context: context)
    }

    func write(_ piece: [UInt8], context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        guard case .answering = state else { return Self.gone(context) }
        let buffer = context.channel.allocator.buffer(bytes: piece)
        return context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer))))
    }

    func end(context: ChannelHandlerContext) {
        guard case .answering(let request, _) = state else { return }
        isSending = false
        let (_, written) = endRequest(request, context: context, ends: request.version == .http1_0)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    func breakOff(context: ChannelHandlerContext) {
        guard case .answering = state else { return }
        context.close(promise: nil)
    }

    private static func gone(_ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        context.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
    }
}
