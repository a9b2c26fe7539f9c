import FleetModel
import Synchronization

/// What one thread of an ``EnginePool`` is doing: between turns, in a turn, or in a turn that has become a long one.
///
/// One word, so that beginning and ending a turn costs an atomic operation each and no lock: the number of the turn,
/// whether it is under way, whether it counts as long. Only the thread begins and ends; only the pool's watcher marks.
final class EngineTurn: Sendable {
    private static let underWay: UInt64 = 1
    private static let long: UInt64 = 2
    private static let next: UInt64 = 4

    private let word = Atomic<UInt64>(0)

    var isUnderWay: Bool { word.load(ordering: .acquiring) & Self.underWay != 0 }

    func begin() {
        let before = word.wrappingAdd(Self.underWay, ordering: .acquiringAndReleasing).oldValue
        invariant(before & (Self.underWay | Self.long) == 0, "a thread began a turn inside another one")
    }

    /// - Returns: whether the turn had been marked as long.
    func end() -> Bool {
        var before = word.load(ordering: .acquiring)
        while true {
            invariant(before & Self.underWay != 0, "a thread ended a turn it had not begun")
            let after = (before & ~(Self.underWay | Self.long)) &+ Self.next
            let (exchanged, found) = word.compareExchange(expected: before, desired: after, ordering: .acquiringAndReleasing)
            if exchanged { return before & Self.long != 0 }
            before = found
        }
    }

    /// The turn under way, unless it counts as long already.
    var unmarked: UInt64? {
        let now = word.load(ordering: .acquiring)
        return now & (Self.underWay | Self.long) == Self.underWay ? now : nil
    }

    /// Marks the turn seen as long if it is still under way.
    func mark(_ seen: UInt64) -> Bool {
        word.compareExchange(expected: seen, desired: seen | Self.long, ordering: .acquiringAndReleasing).exchanged
    }
}
