import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// Follows one forwarded request: collects the reply, and remembers whether any of the request left this process.
final class ForwardExchange: HTTPClientResponseDelegate {
    struct Reply: Sendable {
        var head: HTTPResponseHead
        var body: ByteBuffer
    }

    enum Fault: Error {
        case replyTooLarge
        case noHead
    }

    private struct State {
        var headSent = false
        var head: HTTPResponseHead?
        var body = ByteBuffer()
    }

    private let maximumBytes: Int
    private let state = Mutex(State())

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Whether the head of the request was written. The body, without which the other side executes nothing, is
    /// written only after it.
    var wasSent: Bool { state.withLock { $0.headSent } }

    func didSendRequestHead(task: HTTPClient.Task<Reply>, _ head: HTTPRequestHead) {
        state.withLock { $0.headSent = true }
    }

    func didReceiveHead(task: HTTPClient.Task<Reply>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        state.withLock { $0.head = head }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Reply>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
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

    func didFinishRequest(task: HTTPClient.Task<Reply>) throws -> Reply {
        try state.withLock { state in
            guard let head = state.head else { throw Fault.noHead }
            return Reply(head: head, body: state.body)
        }
    }
}
