import NIOCore
import Synchronization

/// The ledger that the connections of a listener share. Asked only for answers a client did not take at once.
final class AnswersInFlight: Sendable {
    private struct State {
        var ledger: AnswerLedger<ObjectIdentifier>
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let state: Mutex<State>

    init(maximumBytes: Int) { state = Mutex(State(ledger: AnswerLedger(maximum: maximumBytes))) }

    var bytes: Int { state.withLock { $0.ledger.bytes } }

    /// - Returns: connections to cut off.
    func hold(_ bytes: Int, for channel: any Channel, at now: NIODeadline) -> [any Channel] {
        let id = ObjectIdentifier(channel)
        return state.withLock { state in
            state.channels[id] = channel
            return state.ledger.hold(bytes, for: id, at: now.uptimeNanoseconds).compactMap { state.channels.removeValue(forKey: $0) }
        }
    }

    func release(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        state.withLock { state in
            state.channels[id] = nil
            state.ledger.release(id)
        }
    }
}
