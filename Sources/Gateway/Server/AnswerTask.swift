import NIOCore
import Routing

/// Has one request answered, away from the event loop, and gives the answer back to its connection.
struct AnswerTask: Sendable {
    let door: FrontDoor
    let handler: NIOLoopBound<ConnectionHandler>
    let context: NIOLoopBound<ChannelHandlerContext>

    /// The request has its place until there is nothing left to do for it, even if its client is gone before.
    func run(_ request: IncomingRequest) async {
        defer { door.admissions.leave(request.ticket) }
        let reply = await door.answer(request)
        if let rest = reply.rest {
            await send(reply, rest, request.requestID)
        } else {
            give(reply, request.requestID)
        }
    }

    func run(_ endpoint: BuiltInEndpoint, _ request: BuiltInRequest) async {
        give(OutgoingReply(await endpoint(request)), request.requestID)
    }

    func run(_ unknown: UnknownRequest) async {
        let decision = await door.lookUp(unknown)
        handler.eventLoop.execute { handler.value.decided(decision, unknown.head, context: context.value) }
    }

    private func give(_ reply: OutgoingReply, _ requestID: String) {
        handler.eventLoop.execute { handler.value.answered(reply, requestID, context: context.value) }
    }

    /// Asks for the next piece only when the one before is with the kernel: a slow reader slows the maker down.
    private func send(_ reply: OutgoingReply, _ rest: any ReplyStream, _ requestID: String) async {
        let eventLoop = handler.eventLoop
        await withTaskCancellationHandler {
            do {
                try await eventLoop.flatSubmit { handler.value.begin(reply, requestID, context: context.value) }.get()
                while let piece = try await rest.next() {
                    try await eventLoop.flatSubmit { handler.value.write(piece, context: context.value) }.get()
                }
                eventLoop.execute { handler.value.end(context: context.value) }
            } catch {
                rest.cancel()
                // Without its end the answer cannot be taken for whole.
                eventLoop.execute { handler.value.breakOff(context: context.value) }
            }
        } onCancel: {
            rest.cancel()
        }
    }
}
