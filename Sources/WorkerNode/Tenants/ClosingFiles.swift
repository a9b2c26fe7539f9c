import FleetModel
import Synchronization

/// Files that are being closed. A database can be lost and acquired again at once: its files are opened, or restored, only when who had them has
/// let go of them. Nobody else waits for that.
final class ClosingFiles: Sendable {
    private struct State {
        var closings: [DatabaseID: (number: UInt64, task: Task<Void, Never>)] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Begins to close files, after all that is being closed of the database already.
    func close(_ database: DatabaseID, _ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            let (number, former) = (state.next, state.closings[database]?.task)
            state.next += 1
            let task = Task {
                await former?.value
                await body()
                self.state.withLock { state in
                    if state.closings[database]?.number == number { state.closings[database] = nil }
                }
            }
            state.closings[database] = (number, task)
        }
    }

    /// Returns once nothing of the database is being closed.
    func wait(for database: DatabaseID) async {
        while let closing = state.withLock({ $0.closings[database]?.task }) { await closing.value }
    }

    /// Returns once nothing is being closed.
    func waitForAll() async {
        while let closing = state.withLock({ $0.closings.min { $0.value.number < $1.value.number }?.value.task }) { await closing.value }
    }
}
