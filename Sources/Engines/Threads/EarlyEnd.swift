public import FleetModel
import Synchronization

/// Ends statements of this process ahead of their deadlines, because what they take is wanted more urgently than their answers.
public enum EarlyEnd {
    private static let latest = Atomic<Int64>(.min)

    /// Stops every statement that runs now and whose deadline is not after `deadline`: those that have run for longest. They fail as if it had passed.
    public static func ofStatements(due deadline: BootInstant) {
        latest.max(deadline.nanoseconds, ordering: .releasing)
        DeadlineWatch.shared.lookNow()
    }

    /// Whether a statement with this deadline is to end now, at its deadline or before.
    @inline(__always)
    static func isDue(_ deadline: BootInstant, at now: BootInstant) -> Bool {
        now >= deadline || deadline.nanoseconds <= latest.load(ordering: .acquiring)
    }
}
