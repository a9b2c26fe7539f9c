public import FleetModel
import Synchronization

/// The part of rule 2 that is per session: nothing is acknowledged after the local deadline.
///
/// Read on every request, so it is one atomic load and one clock reading.
public final class SessionGate: Sendable {
    private let clock: any FleetClock
    /// Nanoseconds on `clock`; `closedForGood` once nothing may be acknowledged any more.
    private let deadline = Atomic<Int64>(0)
    private static let closedForGood = Int64.min
    /// When the last renewal that succeeded was sent, in nanoseconds on `clock`; 0 before the first.
    private let lastRenewal = Atomic<Int64>(0)

    public init(clock: any FleetClock) { self.clock = clock }

    /// Whether a reply may leave now.
    public var isOpen: Bool {
        clock.now().nanoseconds < deadline.load(ordering: .acquiring)
    }

    /// Until when replies may leave, as far as is known now, on the clock it was made with; long past when it is closed.
    public var openUntil: Duration { .nanoseconds(deadline.load(ordering: .acquiring)) }

    /// Whether the gate was closed for good.
    public var isClosedForGood: Bool { deadline.load(ordering: .acquiring) == Self.closedForGood }

    /// How long ago the last renewal that succeeded was sent; zero before the first. Near the TTL others take over.
    public var renewalAge: Duration {
        let last = lastRenewal.load(ordering: .relaxed)
        return last == 0 ? .zero : max(.zero, clock.now() - .nanoseconds(last))
    }

    /// A renewal that was *sent* at `sent` succeeded, however late its reply came.
    public func renewed(sentAt sent: Duration, timing: LeaseTiming) {
        invariant(sent <= clock.now(), "a renewal is confirmed that is not sent yet")
        lastRenewal.max(sent.nanoseconds, ordering: .relaxed)
        let extended = (sent + timing.ttl - timing.margin).nanoseconds
        var current = deadline.load(ordering: .acquiring)
        while current != Self.closedForGood && current < extended {
            let (exchanged, original) = deadline.compareExchange(
                expected: current, desired: extended, ordering: .acquiringAndReleasing)
            if exchanged { return }
            current = original
        }
    }

    /// Nothing is acknowledged after this returns, and no renewal opens the gate again.
    public func closeForGood() {
        deadline.store(Self.closedForGood, ordering: .releasing)
    }
}
