import BerthTestKit
import FleetModel
import Synchronization

/// A clock that leaps forward after a number of readings, as a process does that is stopped and goes on.
///
/// Only readings of the request that is looked at count, not those of the shipper beside it.
final class JumpingClock: FleetClock {
    @TaskLocal static var isLookedAt = false

    private let base: ManualClock
    private let leap = Mutex<(readings: Int, by: Duration)?>(nil)

    init(_ base: ManualClock) { self.base = base }

    func jump(afterReadings readings: Int, by duration: Duration) {
        leap.withLock { $0 = (readings, duration) }
    }

    /// - Returns: whether the leap was still to come.
    func stayPut() -> Bool {
        leap.withLock { leap in
            defer { leap = nil }
            return leap != nil
        }
    }

    func now() -> Duration {
        let due: Duration? = leap.withLock { leap in
            guard Self.isLookedAt, let (readings, duration) = leap else { return nil }
            guard readings > 0 else {
                leap = nil
                return duration
            }
            leap = (readings - 1, duration)
            return nil
        }
        if let due { base.advance(by: due) }
        return base.now()
    }

    func sleep(until deadline: Duration) async throws { try await base.sleep(until: deadline) }
}
