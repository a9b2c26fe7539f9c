import FleetModel
import Synchronization

/// Lets work through as long as so many bytes are not taken; what comes later waits in line, also when there is room for it, so that nothing large waits
/// for ever.
public final class ByteBudget: Sendable {
    private struct Waiting {
        let id: UInt64
        let bytes: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: UInt64
        var waiting: [Waiting] = []
        var lastID: UInt64 = 0

        /// Whoever is let in now.
        mutating func letIn() -> [Waiting] {
            var admitted = 0
            while admitted < waiting.count, waiting[admitted].bytes <= free {
                free -= waiting[admitted].bytes
                admitted += 1
            }
            defer { waiting.removeFirst(admitted) }
            return Array(waiting[..<admitted])
        }
    }

    private let total: UInt64
    private let state: Mutex<State>

    public init(bytes total: UInt64) {
        invariant(total > 0, "a budget of nothing lets nobody through")
        self.total = total
        state = Mutex(State(free: total))
    }

    /// Does `body` once `bytes` are free, and keeps them until its end. More than there is in all waits until everything is free.
    ///
    /// - Throws: what `body` does, and `leader_unavailable` when the task was cancelled before.
    func with<Value: Sendable>(
        _ bytes: UInt64, _ body: () async throws(BerthError) -> Value
    ) async throws(BerthError) -> Value {
        let bytes = min(bytes, total)
        guard await take(bytes) else { throw BerthError(.leaderUnavailable, "Given up while it waited for memory to restore with.") }
        defer { giveBack(bytes) }
        return try await body()
    }

    /// Takes `bytes` once they are free, until what is answered is gone. More than there is in all waits until everything is free.
    ///
    /// - Returns: `nil` when the task was cancelled before.
    public func reserve(_ bytes: UInt64) async -> ByteReservation? {
        let bytes = min(bytes, total)
        return await take(bytes) ? ByteReservation(bytes, of: self) : nil
    }

    /// How many wait.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Bytes that are taken.
    public var taken: UInt64 { state.withLock { total - $0.free } }

    private func take(_ bytes: UInt64) async -> Bool {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let admitted: [Waiting] = state.withLock { state in
                    state.waiting.append(Waiting(id: id, bytes: bytes, continuation: continuation))
                    // A cancellation before this found nobody waiting; one after it will.
                    guard !Task.isCancelled else { return [] }
                    return state.letIn()
                }
                for waiting in admitted { waiting.continuation.resume(returning: true) }
                if Task.isCancelled { withdraw(id) }
            }
        } onCancel: {
            withdraw(id)
        }
    }

    private func withdraw(_ id: UInt64) {
        let (withdrawn, admitted) = state.withLock { state in
            let withdrawn = state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
            return (withdrawn, state.letIn())
        }
        withdrawn?.continuation.resume(returning: false)
        for waiting in admitted { waiting.continuation.resume(returning: true) }
    }

    fileprivate func giveBack(_ bytes: UInt64) {
        let admitted = state.withLock { state in
            state.free += bytes
            invariant(state.free <= total, "bytes are given back twice")
            return state.letIn()
        }
        for waiting in admitted { waiting.continuation.resume(returning: true) }
    }
}

/// Bytes of a ``ByteBudget`` that are taken for as long as somebody holds this.
public final class ByteReservation: Sendable {
    private let bytes: UInt64
    private let budget: ByteBudget

    fileprivate init(_ bytes: UInt64, of budget: ByteBudget) {
        self.bytes = bytes
        self.budget = budget
    }

    deinit { budget.giveBack(bytes) }
}
