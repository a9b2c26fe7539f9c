import Dispatch
import Foundation

/// The time leases live by: monotonic, per process, and counting while the machine is suspended (CLOCK_BOOTTIME).
///
/// Injected everywhere, so that a simulation owns time. No clock of the store or of another machine is ever compared
/// with it.
public protocol FleetClock: Sendable {
    /// Time since an arbitrary point before the process started.
    func now() -> Duration

    /// Unix milliseconds, for people and records. Nothing is decided by it.
    func wallTime() -> Int64

    /// The same as ``now()``, in one integer: for what looks at the time more than once for every statement.
    func instant() -> BootInstant

    /// Calls `body` once, as soon as `instant()` has reached `instant`, on a thread that no blocking work occupies.
    func call(at instant: BootInstant, _ body: @escaping @Sendable () -> Void)

    /// Returns once `now()` has reached `deadline`.
    ///
    /// - Throws: `CancellationError`.
    func sleep(until deadline: Duration) async throws
}

extension FleetClock {
    public func wallTime() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    public func instant() -> BootInstant { BootInstant(nanoseconds: now().clampedNanoseconds) }

    public func call(at instant: BootInstant, _ body: @escaping @Sendable () -> Void) {
        Task {
            try? await sleep(until: .nanoseconds(instant.nanoseconds))
            body()
        }
    }

    public func sleep(for duration: Duration) async throws {
        try await sleep(until: now() + duration)
    }
}

/// The machine's own clock. `ContinuousClock` reads CLOCK_BOOTTIME on Linux.
public struct BootClock: FleetClock {
    /// Swift's tasks may all be blocked: what is called at a time has a thread of its own.
    private static let calls = DispatchQueue(label: "berth.clock")

    public init() {}

    public func now() -> Duration { .nanoseconds(BootInstant.now.nanoseconds) }

    public func instant() -> BootInstant { .now }

    public func call(at instant: BootInstant, _ body: @escaping @Sendable () -> Void) {
        let delay = Int(clamping: max(0, instant.nanoseconds(since: .now)))
        Self.calls.asyncAfter(deadline: .now() + .nanoseconds(delay), execute: body)
    }

    public func sleep(until deadline: Duration) async throws {
        let clock = ContinuousClock()
        try await clock.sleep(until: clock.now + (deadline - now()))
    }
}

extension Duration {
    /// This duration as seconds, for metrics and messages.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    /// Whole milliseconds, rounded up: for a time that may not be told too short.
    public var millisecondsRoundedUp: Int64 { milliseconds + (self > .milliseconds(milliseconds) ? 1 : 0) }

    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// Whole nanoseconds, rounded down.
    public var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
