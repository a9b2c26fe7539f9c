import Door
import FleetModel
import NIOCore
import NIOHTTP1

/// One connection: has each request admitted by its head, collects it, has it answered by one task, writes the answer on the event loop.
///
/// `HTTPServerPipelineHandler` in front of it lets the next request in only after the answer to the one before, so
/// there is at most one task. It also ends the connection when the server shuts down. What is slow is the watchers' business.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Waiting for a request, or for the rest of one.
        case receiving
        /// A head is there, and its client has not taken the answers before.
        case heldBack(HTTPRequestHead)
        /// A task finds out who asks. Nothing is read meanwhile.
        case lookingUp(Task<Void, Never>)
        /// A task answers this request.
        case answering(HTTPRequestHead, Task<Void, Never>)
        /// The last answer was written or the peer is gone.
        case finished
    }

    private let door: FrontDoor
    private let place: ConnectionPlace
    private var assembly: RequestAssembly
    private var state = State.receiving
    /// More was asked for while nothing is read.
    private var isReadHeldBack = false

    init(door: FrontDoor, place: ConnectionPlace) {
        self.door = door
        self.place = place
        assembly = RequestAssembly(maximumBytes: door.dispatch.limits.bodyBytes)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(unwrapInboundIn(data), context: context)
    }

    private func receive(_ part: HTTPServerRequestPart, context: ChannelHandlerContext) {
        // After `connection: close` nothing is begun, whatever was sent ahead of the answer.
        if case .finished = state { return }
        let admissions = door.admissions
        let action = assembly.receive(part) { (ticket, bytes) throws(BerthError) in try admissions.grow(&ticket, to: bytes) }
        switch action {
        case .none: break
        case .decide(let head):
            guard context.channel.isWritable else {
                state = .heldBack(head)
                return
            }
            decided(door.decide(head), head, context: context)
        case .respond(let request): respond(to: request, context: context)
        case .answer(let head, let answer): give(answer, to: head, context: context)
        case .refuse(let request, let error):
            admissions.leave(request.ticket)
            refuse(door.refuse(error, request), request.requestID, request.head, context: context)
        }
    }

    func read(context: ChannelHandlerContext) {
        switch state {
        case .heldBack, .lookingUp: isReadHeldBack = true
        case .receiving, .answering, .finished: context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .heldBack(let head) = state, context.channel.isWritable {
            state = .receiving
            decided(door.decide(head), head, context: context)
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Also what a closed connection leaves behind, half a head, is an error: nobody is told.
        guard error is HTTPParserError, context.channel.isActive else {
            context.close(promise: nil)
            return
        }
        switch state {
        case .receiving: break
        // The last answer may still have to leave; what follows it is of no interest.
        case .finished: return
        case .heldBack, .lookingUp, .answering:
            context.close(promise: nil)
            return
        }
        giveUpPlace()
        let (reply, requestID) = door.refuse(
            BerthError(.malformedRequest, "This is not an HTTP/1.1 request that can be read (\(error)). It needs a request line, fields in order, and one Host."))
        write(reply, requestID, to: nil, thenClose: true, context: context, promise: closing(context))
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Nobody is left to read the answer: what still waits for a leader stops waiting.
        switch state {
        case .answering(_, let task), .lookingUp(let task): task.cancel()
        case .receiving, .heldBack, .finished: break
        }
        state = .finished
        giveUpPlace()
        context.fireChannelInactive()
    }

    private func giveUpPlace() {
        if let ticket = assembly.abandon() { door.admissions.leave(ticket) }
    }

    // MARK: Admission

    /// Goes on with a request by what was decided about its head.
    func decided(_ decision: FrontDoor.Decision, _ head: HTTPRequestHead, context: ChannelHandlerContext) {
        if case .finished = state {
            if case .admitted(let request) = decision { door.admissions.leave(request.ticket) }
            return
        }
        state = .receiving
        switch decision {
        case .admitted(let request):
            place.becomeKnown()
            if assembly.collect(request) {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
            }
        case .unknown(let unknown):
            let answering = answerTask(context)
            state = .lookingUp(Task { await answering.run(unknown) })
            return
        case .answered(let answer):
            switch answer {
            // Those without a token, and with too much, are not read on.
            case .ready(let reply, let requestID) where [401, 413].contains(reply.status) || !isShort(head):
                assembly.ignore()
                refuse(reply, requestID, head, context: context)
            case .endpoint(_, let request) where !isShort(head):
                assembly.ignore()
                let (reply, _) = door.refuse(FrontDoor.bodyTooLarge(door.dispatch.limits.discardedBody))
                refuse(reply, request.requestID, head, context: context)
            default: assembly.discard(head, then: answer)
            }
        }
        for part in assembly.takeHeld() { receive(part, context: context) }
        if isReadHeldBack {
            isReadHeldBack = false
            read(context: context)
        }
    }

    /// Whether the rest of a request is worth reading for the sake of the connection. A client that waits for leave sends none of it.
    private func isShort(_ head: HTTPRequestHead) -> Bool {
        guard !head.headers.contains(name: "transfer-encoding"), !head.headers.contains(name: "expect") else { return false }
        let announced = head.headers.first(name: "content-length").map { Int($0) ?? .max } ?? 0
        return announced <= door.dispatch.limits.discardedBody
    }

    private func answerTask(_ context: ChannelHandlerContext) -> AnswerTask {
        AnswerTask(
            door: door, handler: NIOLoopBound(self, eventLoop: context.eventLoop),
            context: NIOLoopBound(context, eventLoop: context.eventLoop))
    }

    private func respond(to request: IncomingRequest, context: ChannelHandlerContext) {
        let answering = answerTask(context)
        let task = Task { await answering.run(request) }
        state = .answering(request.head, task)
    }

    /// Answers a request that is all there.
    private func give(_ answer: HeadAnswer, to head: HTTPRequestHead, context: ChannelHandlerContext) {
        switch answer {
        case .endpoint(let endpoint, let request):
            let answering = answerTask(context)
            state = .answering(head, Task { await answering.run(endpoint, request) })
        case .ready(let reply, let requestID):
            let (keepsAlive, written) = endRequest(head, context: context)
            write(reply, requestID, to: head, thenClose: !keepsAlive, context: context, promise: written)
        }
    }

    /// Answers a request that is not all there; the watchers let the client read that, and end the connection.
    private func refuse(_ reply: OutgoingReply, _ requestID: String, _ head: HTTPRequestHead, context: ChannelHandlerContext) {
        state = .finished
        write(reply, requestID, to: head, thenClose: true, context: context, promise: nil)
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
