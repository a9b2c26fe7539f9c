import FleetModel
import Foundation
import Glibc
import Synchronization

/// Writes what the engines of this process do on the board, before they do it.
final class BoardWatch: ExecutionWatch {
    private struct Rows {
        var free = Array((0..<ExecutionBoard.rows).reversed())
        /// Numbers of works, from 1.
        var last: UInt64 = 0
        /// Whose work is in each row.
        var requests = [(number: UInt64, request: any RunningRequest)?](repeating: nil, count: ExecutionBoard.rows)
    }

    private let board: ExecutionBoard
    private let clock: any FleetClock
    private let rows = Mutex(Rows())

    init(_ board: ExecutionBoard, clock: any FleetClock) {
        self.board = board
        self.clock = clock
    }

    func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?, for request: (any RunningRequest)?) -> Int {
        CrashNote.prepareThread()
        for call in calls where call != 0 { board.begin(call) }
        let place = rows.withLock { rows -> (row: Int, number: UInt64)? in
            rows.last += 1
            guard let row = rows.free.popLast() else { return nil }
            if let request { rows.requests[row] = (rows.last, request) }
            return (row, rows.last)
        }
        // More at once than there are threads for.
        guard let place else { return -1 }
        board.put(
            ExecutionBoard.Work(
                row: place.row, number: place.number, database: database, since: clock.instant(), deadline: deadline, thread: Self.thread,
                isRequest: request != nil))
        return place.row
    }

    func ended(_ work: Int) {
        guard work >= 0 else { return }
        board.clear(work)
        rows.withLock { rows in
            rows.requests[work] = nil
            rows.free.append(work)
        }
    }

    /// Ends the request whose work has this number, if it is still being carried out.
    func giveWay(_ number: UInt64) {
        rows.withLock { $0.requests.first { $0?.number == number } ?? nil }?.request.giveWay()
    }

    private static var thread: UInt64 { UInt64(pthread_self()) }

    /// Looks once for work that is long past its deadline, and writes down which it is.
    ///
    /// - Returns: whether the host has to end.
    func look(_ overdue: inout OverdueWorks) -> Bool {
        guard let work = overdue.look(at: board.works, now: clock.instant()) else { return false }
        board.setOverdue(work)
        return true
    }

    /// Looks at the board every `interval`, for ever. Ends the process with `code` for work that is long past its deadline.
    func run(_ overdue: OverdueWorks, every interval: Duration, code: Int32, beforehand: () -> Void) -> Never {
        var overdue = overdue
        while true {
            var time = timespec(tv_sec: 0, tv_nsec: 0)
            let nanoseconds = interval.clampedNanoseconds
            time.tv_sec = Int(nanoseconds / 1_000_000_000)
            time.tv_nsec = Int(nanoseconds % 1_000_000_000)
            nanosleep(&time, nil)
            beforehand()
            if look(&overdue) { _exit(code) }
        }
    }
}
