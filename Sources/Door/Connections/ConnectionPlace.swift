import NIOCore
import Synchronization

/// What others may know of a connection while its event loop works with it.
package final class ConnectionPlace: Sendable {
    let channel: any Channel
    /// Nanoseconds of the event loop's clock since which it waits for a request; 0 while it does not.
    private let waitingSince: Atomic<UInt64>
    private let isKnown = Atomic(false)

    init(_ channel: any Channel, at now: NIODeadline) {
        self.channel = channel
        waitingSince = Atomic(max(1, now.uptimeNanoseconds))
    }

    var standing: Standing {
        let since = waitingSince.load(ordering: .relaxed)
        return since == 0 ? .busy : .waits(since: since, isKnown: isKnown.load(ordering: .relaxed))
    }

    func isBusy() { waitingSince.store(0, ordering: .relaxed) }
    func waits(since now: NIODeadline) { waitingSince.store(max(1, now.uptimeNanoseconds), ordering: .relaxed) }

    /// A token that came over it was accepted.
    package func becomeKnown() {
        if !isKnown.load(ordering: .relaxed) { isKnown.store(true, ordering: .relaxed) }
    }
}
