import FleetModel
import Synchronization

/// Keeps a failure that hits every request from filling the disk with the same line.
final class WarningBudget: Sendable {
    private struct State {
        var windowEnds = Duration.zero
        var written = 0
        var withheld = 0
    }

    private static let perSecond = 10
    private let state = Mutex(State())

    /// Asks to write one warning.
    ///
    /// - Returns: how many were withheld since the last one; `nil` when this one is withheld as well.
    func take(at now: Duration) -> Int? {
        state.withLock { state in
            if now >= state.windowEnds {
                state.windowEnds = now + .seconds(1)
                state.written = 0
            }
            guard state.written < Self.perSecond else {
                state.withheld += 1
                return nil
            }
            state.written += 1
            defer { state.withheld = 0 }
            return state.withheld
        }
    }
}
