import FleetModel
import Synchronization

/// Hands the hints of one listening connection to everyone in the process who waits for some.
public final class HintSource: Sendable {
    private struct State {
        var subscribers: [Int: AsyncStream<StoreHint>.Continuation] = [:]
        var nextID = 0
        var isFinished = false
    }

    private let listener: PostgresListener
    private let state = Mutex(State())

    public init(listener: PostgresListener) { self.listener = listener }

    /// Distributes hints until cancelled or the listener is closed.
    public func run() async {
        for await notification in await listener.notifications() {
            let hint: StoreHint?
            switch notification {
            case .message(_, let payload): hint = StoreHint(payload: payload)
            case .listening, .reconnected: hint = .everything
            }
            guard let hint else { continue }
            for subscriber in state.withLock({ Array($0.subscribers.values) }) { subscriber.yield(hint) }
        }
        let subscribers = state.withLock { state in
            state.isFinished = true
            return Array(state.subscribers.values)
        }
        for subscriber in subscribers { subscriber.finish() }
    }

    /// Hints from now on, until the listener is closed.
    public func hints() -> AsyncStream<StoreHint> {
        let (stream, continuation) = AsyncStream.makeStream(of: StoreHint.self, bufferingPolicy: .bufferingNewest(4096))
        let id: Int? = state.withLock { state in
            guard !state.isFinished else { return nil }
            state.nextID += 1
            state.subscribers[state.nextID] = continuation
            return state.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.subscribers.removeValue(forKey: id) }
        }
        return stream
    }
}
