import FleetModel
import FleetStore
import Synchronization

/// Wakes the operations that are under way when anything they wait for may have happened.
final class ProgressSignals: Sendable {
    private let subscribers = Mutex<[Wakeup]>([])

    func subscribe() -> Wakeup {
        let wakeup = Wakeup()
        subscribers.withLock { $0.append(wakeup) }
        return wakeup
    }

    func unsubscribe(_ wakeup: Wakeup) {
        subscribers.withLock { $0.removeAll { $0 === wakeup } }
    }

    func follow(_ hints: AsyncStream<StoreHint>) async {
        for await _ in hints {
            for wakeup in subscribers.withLock({ $0 }) { wakeup.signal() }
        }
    }
}
