import FleetModel
import NIOCore

/// Whether bytes move as fast as they must, one window after the other: what came fast once is no credit for later.
struct TransferPace {
    private let window: TimeAmount
    /// Bytes that must move in each window.
    private let minimum: Int
    private var moved = 0
    /// When the window is judged that runs at the moment.
    private(set) var windowEnds: NIODeadline

    /// - Parameter rate: bytes per second.
    init(window: TimeAmount, rate: Int, from now: NIODeadline) {
        self.window = window
        // In milliseconds: nanoseconds times bytes might not fit.
        minimum = max(1, Int(window.nanoseconds / 1_000_000) * rate / 1_000)
        windowEnds = now + window
    }

    mutating func move(_ bytes: Int) { moved += bytes }

    /// Nothing could move for this long, for a reason that is not the other side's.
    mutating func excuse(_ time: TimeAmount) { windowEnds = windowEnds + time }

    /// Whether it may go on at `now`, in the window that runs or in the next one.
    mutating func mayGoOn(at now: NIODeadline) -> Bool {
        guard now >= windowEnds else { return true }
        guard moved >= minimum else { return false }
        moved = 0
        windowEnds = now + window
        invariant(now < windowEnds, "a window ends before it begins")
        return true
    }
}
