import Chaos
import Foundation

/// The time of one run. Counts suspend, and never goes back.
struct RunClock: Sendable {
    private let origin = ContinuousClock.now
    private let wall = Date().timeIntervalSince1970

    func now() -> Moment { Moment(ContinuousClock.now - origin) }

    /// The moment of a time another process on this machine read from its calendar clock.
    func moment(secondsSince1970 seconds: Double) -> Moment { Moment(microseconds: Int64((seconds - wall) * 1_000_000)) }

    func sleep(until moment: Moment) async throws {
        try await ContinuousClock().sleep(until: origin + .microseconds(moment.microseconds))
    }
}
