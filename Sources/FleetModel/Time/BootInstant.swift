#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A point on a ``FleetClock``, in one integer: an engine reads the clock twice for every statement, and a `Duration` costs several calls to read
/// and to compare.
///
/// That of the machine, ``now``, is the same clock as `ContinuousClock`: it goes on while the machine sleeps and is never set.
public struct BootInstant: InstantProtocol {
    /// Since the clock's origin; of the machine's, since it was started.
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inline(__always)
    public static var now: BootInstant {
        var time = timespec()
        #if canImport(Glibc)
        clock_gettime(CLOCK_BOOTTIME, &time)
        #else
        clock_gettime(CLOCK_MONOTONIC_RAW, &time)
        #endif
        return BootInstant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// Durations beyond some three hundred years are taken for these.
    public func advanced(by duration: Duration) -> BootInstant { advanced(byNanoseconds: duration.clampedNanoseconds) }

    /// The first or the last instant where there is none.
    @inline(__always)
    public func advanced(byNanoseconds count: Int64) -> BootInstant {
        let (sum, overflows) = nanoseconds.addingReportingOverflow(count)
        return BootInstant(nanoseconds: overflows ? (count < 0 ? .min : .max) : sum)
    }

    @inline(__always)
    public func nanoseconds(since start: BootInstant) -> Int64 { nanoseconds &- start.nanoseconds }

    public func duration(to other: BootInstant) -> Duration { .nanoseconds(other.nanoseconds &- nanoseconds) }

    @inline(__always)
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    public static func + (instant: Self, duration: Duration) -> Self { instant.advanced(by: duration) }
    public static func - (instant: Self, duration: Duration) -> Self { instant.advanced(by: .zero - duration) }
    public static func - (left: Self, right: Self) -> Duration { right.duration(to: left) }
    public static func += (instant: inout Self, duration: Duration) { instant = instant + duration }
}

extension Duration {
    /// Those beyond some three hundred years are taken for these.
    public var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, exceeds) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflows || exceeds ? (seconds < 0 ? .min : .max) : sum
    }
}
