import FleetModel
import Synchronization

/// Lets one task at a time restore the files of a database.
///
/// A node may prepare to take a database over, acquire it, lose it and acquire it again, each time with a restore, and
/// two of them at once would write into one file.
final class FileTurns: Sendable {
    /// A database that is in here is being worked on, by one task, while these wait.
    private let waiting = Mutex<[DatabaseID: [CheckedContinuation<Void, Never>]]>([:])

    func withTurn<Value>(
        on database: DatabaseID, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws(BerthError) -> Value
    ) async throws(BerthError) -> Value {
        await take(database, isolation: isolation)
        defer { giveBack(database) }
        return try await body()
    }

    /// Tasks that wait for the one that has its turn.
    func waiters(on database: DatabaseID) -> Int { waiting.withLock { $0[database]?.count ?? 0 } }

    private func take(_ database: DatabaseID, isolation: isolated (any Actor)?) async {
        await withCheckedContinuation(isolation: isolation) { continuation in
            let isMine = waiting.withLock { waiting in
                if waiting[database] == nil {
                    waiting[database] = []
                    return true
                }
                waiting[database]?.append(continuation)
                return false
            }
            if isMine { continuation.resume() }
        }
    }

    private func giveBack(_ database: DatabaseID) {
        let next: CheckedContinuation<Void, Never>? = waiting.withLock { waiting in
            invariant(waiting[database] != nil, "files were given back that nobody had")
            guard var others = waiting[database], !others.isEmpty else {
                waiting[database] = nil
                return nil
            }
            let next = others.removeFirst()
            waiting[database] = others
            return next
        }
        next?.resume()
    }
}
