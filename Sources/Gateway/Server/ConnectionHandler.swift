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
            if case .answering = state { return }
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func respond(to request: IncomingRequest, context: ChannelHandlerContext) {
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        let bound = NIOLoopBound(context, eventLoop: eventLoop)
        let task = Task { [door] in
            let (reply, requestID) = await door.answer(request)
            eventLoop.execute { handler.value.answered(reply, requestID, context: bound.value) }
        }
        state = .answering(request.head, task)
    }

    private func answered(_ reply: OutgoingReply, _ requestID: String, context: ChannelHandlerContext) {
        guard case .answering(let head, _) = state else { return }
        // After an upgrade the decoder reads nothing more, and none was granted.
        let keepsAlive = head.isKeepAlive && !head.headers.contains(name: "upgrade") && head.method != .CONNECT
        if keepsAlive {
            // Before the write: it may bring the next request.
            state = .receiving
            write(reply, requestID, to: head, thenClose: false, context: context, promise: nil)
        } else {
            state = .finished
            let written = context.eventLoop.makePromise(of: Void.self)
            let channel = context.channel
            written.futureResult.whenComplete { _ in channel.close(promise: nil) }
            write(reply, requestID, to: head, thenClose: true, context: context, promise: written)
        }
    }

    private func write(
        _ reply: OutgoingReply, _ requestID: String, to request: HTTPRequestHead?, thenClose: Bool,
        context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status))
        head.headers.reserveCapacity(4 + reply.headers.count)
        head.headers.add(name: "content-type", value: reply.contentType)
        head.headers.add(name: "content-length", value: String(reply.body.count))
        head.headers.add(name: FrontDoor.requestIDHeader, value: requestID)
        for (name, value) in reply.headers { head.headers.add(name: name, value: value) }
        if thenClose {
            head.headers.add(name: "connection", value: "close")
        } else if request?.version == .http1_0 {
            head.headers.add(name: "connection", value: "keep-alive")
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request?.method != .HEAD, !reply.body.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: reply.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
    }
}
