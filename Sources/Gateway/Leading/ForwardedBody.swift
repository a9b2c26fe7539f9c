import FleetModel
import NIOCore
import Routing
import Synchronization

/// A body on its way from another node: the next piece is let in when the one before was taken.
final class ForwardedBody: ReplyStream {
    private struct State {
        /// A piece nobody took yet, and what lets the next one in.
        var waiting: (piece: ByteBuffer, taken: EventLoopPromise<Void>)?
        /// Someone waits for a piece.
        var taker: EventLoopPromise<ByteBuffer?>?
        var end: Result<Void, any Error>?
    }

    private let eventLoop: any EventLoop
    private let patience: Duration
    private let abort: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameter abort: ends the exchange, unless it has ended.
    init(eventLoop: any EventLoop, patience: Duration, abort: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.patience = patience
        self.abort = abort
    }

    func next() async throws(BerthError) -> [UInt8]? {
        let promise = eventLoop.makePromise(of: ByteBuffer?.self)
        let ready: (piece: ByteBuffer, taken: EventLoopPromise<Void>)? = state.withLock { state in
            if let waiting = state.waiting {
                state.waiting = nil
                return waiting
            }
            invariant(state.taker == nil, "two ask for the same piece")
            if let end = state.end {
                promise.completeWith(end.map { nil })
            } else {
                state.taker = promise
            }
            return nil
        }
        if let ready {
            ready.taken.succeed()
            promise.succeed(ready.piece)
        }
        let timer = eventLoop.scheduleTask(in: .nanoseconds(patience.nanoseconds)) { [abort] in abort() }
        defer { timer.cancel() }
        do {
            return try await promise.futureResult.get().map { Array($0.readableBytesView) }
        } catch {
            throw BerthError(
                .outcomeUnknown,
                "The connection to the leader was lost in the middle of its answer (\(error)): what it wrote may or may not have been kept.")
        }
    }

    func cancel() {
        abort()
        // The exchange may be waiting for its piece to be taken, and notices nothing before.
        state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting?.taken
        }?.succeed()
    }

    /// - Returns: a future that succeeds when the next piece may come.
    func receive(_ piece: ByteBuffer) -> EventLoopFuture<Void> {
        guard piece.readableBytes > 0 else { return eventLoop.makeSucceededVoidFuture() }
        let taken = eventLoop.makePromise(of: Void.self)
        let taker: EventLoopPromise<ByteBuffer?>? = state.withLock { state in
            guard let taker = state.taker else {
                invariant(state.waiting == nil, "a piece would be lost")
                state.waiting = (piece, taken)
                return nil
            }
            state.taker = nil
            return taker
        }
        if let taker {
            taker.succeed(piece)
            taken.succeed()
        }
        return taken.futureResult
    }

    func end(_ result: Result<Void, any Error>) {
        let (taker, waiting) = state.withLock { state in
            state.end = result
            defer { state.taker = nil }
            // What arrived before an error is of no use any more; after a whole body nothing can be waiting.
            defer { if case .failure = result { state.waiting = nil } }
            return (state.taker, (try? result.get()) == nil ? state.waiting?.taken : nil)
        }
        waiting?.succeed()
        taker?.completeWith(result.map { nil })
    }
}
