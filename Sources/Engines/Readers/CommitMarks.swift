import FleetModel
import Synchronization

/// Makes ``EngineDatabase/commitMark`` of what an engine counts. Shared by a database and those who read beside it, on any thread.
final class CommitMarks: Sendable {
    private let reopenings = Atomic<UInt64>(0)
    private let unreadable = Atomic<UInt64>(0)
    /// No engine counts further: SQLite has 32 bits, and a log of DuckDB's is shorter.
    private static let countBits: UInt64 = 48

    /// The files were closed and opened, and what the engine counts may begin again.
    func reopened() { reopenings.add(1, ordering: .acquiringAndReleasing) }

    /// - Parameter count: differs after every commit.
    /// - Returns: a mark unlike every other one when that is not known: it is taken for a commit.
    func mark(_ count: UInt64?) -> UInt64 {
        guard let count else { return .max - unreadable.add(1, ordering: .relaxed).newValue }
        invariant(count >> Self.countBits == 0, "more commits than a mark can tell apart")
        return reopenings.load(ordering: .acquiring) << Self.countBits | count
    }
}
