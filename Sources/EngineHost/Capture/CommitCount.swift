import FleetModel
import Synchronization

/// Numbers the commits of a database. The first to see one gives it its number, the writer or a reader beside it, and the owner is told before any
/// answer can show it.
final class CommitCount: Sendable {
    private struct State {
        var last: UInt64
        /// ``EngineDatabase/commitMark`` when `last` was given.
        var mark: UInt64?
    }

    private let state: Mutex<State>
    private let owner: any DatabaseOwner

    init(after last: UInt64, mark: UInt64, owner: any DatabaseOwner) {
        state = Mutex(State(last: last, mark: mark))
        self.owner = owner
    }

    /// Everything that was seen of commits has at most this number.
    var last: UInt64 { state.withLock { $0.last } }

    /// A write transaction ended, perhaps with a commit.
    ///
    /// - Parameter mark: how the files are now.
    func add(_ mark: () -> UInt64) {
        state.withLock { state in
            state.mark = mark()
            number(&state)
        }
    }

    /// - Parameter mark: how the files are now, after something was read of them.
    /// - Returns: the number of the last commit that it may have shown.
    func seen(_ mark: () -> UInt64) -> UInt64 {
        state.withLock { state in
            // Under the lock: of two who look, the one who is asked later has seen as much at least.
            let mark = mark()
            if mark != state.mark {
                state.mark = mark
                number(&state)
            }
            return state.last
        }
    }

    /// The files are other ones now, and nothing was committed: they were checkpointed, while nobody wrote.
    func settle(_ mark: () -> UInt64) { state.withLock { $0.mark = mark() } }

    private func number(_ state: inout State) {
        state.last += 1
        // In the order of the numbers; it does not block.
        owner.committed(state.last)
    }
}
