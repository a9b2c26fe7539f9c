import AsyncHTTPClient
import FleetModel
import NIOCore
import NIOHTTP1
import Synchronization

/// Follows one forwarded request: collects the reply, or hands it on piece by piece when its length is not said; and
/// remembers whether any of the request left this process.
final class ForwardExchange: HTTPClientResponseDelegate {
    typealias Response = Void

    struct Reply: Sendable {
        var head: HTTPResponseHead
        /// All of the body, or nothing of it when there is a rest.
        var body: ByteBuffer
        var rest: ForwardedBody?
    }

    enum Fault: Error {
        case replyTooLarge
        case noHead
    }

    private struct State {
        var headSent = false
        var head: HTTPResponseHead?
        var body = ByteBuffer()
        var rest: ForwardedBody?
    }

    private let maximumBytes: Int
    private let patience: Duration
    private let reply: EventLoopPromise<Reply>
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumBytes: of a reply in one piece.
    ///   - patience: for each piece of one that comes in many.
    ///   - reply: is given the reply, the first of it, or why there is none.
    init(maximumBytes: Int, patience: Duration, reply: EventLoopPromise<Reply>) {
        self.maximumBytes = maximumBytes
        self.patience = patience
        self.reply = reply
    }

    /// Whether the head of the request was written. The body, without which the other side executes nothing, is
    /// written only after it.
    var wasSent: Bool { state.withLock { $0.headSent } }

    /// Sends `request`. The promise is fulfilled, whatever becomes of it.
    ///
    /// - Parameter limit: for the head of the reply, or all of one in one piece.
    func begin(_ request: HTTPClient.Request, with client: HTTPClient, within limit: Duration) -> HTTPClient.Task<Void> {
        let task = client.execute(request: request, delegate: self)
        let timer = task.eventLoop.scheduleTask(in: .nanoseconds(limit.nanoseconds)) { task.cancel() }
        reply.futureResult.whenComplete { _ in timer.cancel() }
        task.futureResult.whenComplete { result in self.ended(result) }
        return task
    }

    private func ended(_ result: Result<Void, any Error>) {
        let (head, body, rest) = state.withLock { ($0.head, $0.body, $0.rest) }
        if let rest {
            rest.end(result)
            return
        }
        reply.completeWith(
            result.flatMap { head.map { .success(Reply(head: $0, body: body)) } ?? .failure(Fault.noHead) })
    }

    // MARK: HTTPClientResponseDelegate

    func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
        state.withLock { $0.headSent = true }
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        guard head.headers.contains(name: "content-length") else {
            let rest = ForwardedBody(eventLoop: task.eventLoop, patience: patience) { task.cancel() }
            state.withLock { state in
                state.head = head
                state.rest = rest
            }
            reply.succeed(Reply(head: head, body: ByteBuffer(), rest: rest))
            return task.eventLoop.makeSucceededVoidFuture()
        }
        state.withLock { $0.head = head }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        if let rest = state.withLock({ $0.rest }) { return rest.receive(buffer) }
        let fits = state.withLock { state in
            guard state.body.readableBytes + buffer.readableBytes <= maximumBytes else { return false }
            if state.body.readableBytes == 0 {
                state.body = buffer
            } else {
                state.body.writeImmutableBuffer(buffer)
            }
            return true
        }
        return fits ? task.eventLoop.makeSucceededVoidFuture() : task.eventLoop.makeFailedFuture(Fault.replyTooLarge)
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {}
}
