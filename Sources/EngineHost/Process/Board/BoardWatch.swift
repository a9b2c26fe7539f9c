import FleetModel
import Foundation
import Glibc
import Synchronization

/// Writes what the engines of this process do on the board, before they do it, and ends the process for work that does not end.
///
/// An engine is interrupted at its deadline by whoever gave it the work. What goes on for `grace` after it cannot be interrupted at all: a
/// function that computes for hours, a statement that compiles for ever.
final class BoardWatch: ExecutionWatch {
    private struct Rows {
        var free = Array((0..<ExecutionBoard.rows).reversed())
        /// Numbers of works, from 1.
        var last: UInt64 = 0
    }

    private let board: ExecutionBoard
    private let rows = Mutex(Rows())

    init(_ board: ExecutionBoard) { self.board = board }

    func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?) -> Int {
        CrashNote.prepareThread()
        for call in calls where call != 0 { board.begin(call) }
        let place = rows.withLock { rows -> (row: Int, number: UInt64)? in
            rows.last += 1
            return rows.free.popLast().map { ($0, rows.last) }
        }
        // More at once than there are threads for.
        guard let place else { return -1 }
        board.put(
            ExecutionBoard.Work(
                row: place.row, number: place.number, database: database, since: .now, deadline: deadline, thread: Self.thread))
        return place.row
    }

    func ended(_ work: Int) {
        guard work >= 0 else { return }
        board.clear(work)
        rows.withLock { $0.free.append(work) }
    }

    private static var thread: UInt64 { UInt64(pthread_self()) }

    /// Looks at the board every `interval`, for ever. Ends the process with `code` for work that is `grace` past its deadline.
    ///
    /// Counted in looks, not by the clock: a process that was stopped, and goes on, had no time to interrupt anything.
    func run(every interval: Duration, grace: Duration, code: Int32, beforehand: () -> Void) -> Never {
        let limit = max(1, Int((grace / interval).rounded(.up)))
        var seen: [UInt64: Int] = [:]
        while true {
            var time = timespec(tv_sec: 0, tv_nsec: 0)
            let nanoseconds = interval.clampedNanoseconds
            time.tv_sec = Int(nanoseconds / 1_000_000_000)
            time.tv_nsec = Int(nanoseconds % 1_000_000_000)
            nanosleep(&time, nil)
            beforehand()
            let now = BootInstant.now
            var late: [UInt64: Int] = [:]
            for work in board.works {
                guard let deadline = work.deadline, deadline < now else { continue }
                let looks = (seen[work.number] ?? 0) + 1
                late[work.number] = looks
                guard looks > limit else { continue }
                board.setOverdue(work)
                _exit(code)
            }
            seen = late
        }
    }
}
