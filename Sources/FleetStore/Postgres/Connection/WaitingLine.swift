import FleetModel

/// Who waits for something, first come, first served.
struct WaitingLine<Grant: Sendable> {
    struct Place: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Waiter {
        let continuation: CheckedContinuation<Grant?, Never>
        let expiry: Task<Void, Never>
    }

    private var waiters: [UInt64: Waiter] = [:]
    private var first: UInt64 = 0
    private var last: UInt64 = 0

    var count: Int { waiters.count }

    /// `expire` is started with the new place and is cancelled when the wait ends before.
    mutating func join(
        _ continuation: CheckedContinuation<Grant?, Never>, expire: (Place) -> Task<Void, Never>
    ) {
        invariant(first <= last && waiters.count <= Int(last - first), "somebody waits outside of the line")
        let place = Place(number: last)
        last += 1
        waiters[place.number] = Waiter(continuation: continuation, expiry: expire(place))
    }

    /// Gives `grant` to the one who has waited longest; `false` when nobody waits.
    mutating func serveFirst(_ grant: Grant) -> Bool {
        while first < last {
            defer { first += 1 }
            guard let waiter = waiters.removeValue(forKey: first) else { continue }
            waiter.expiry.cancel()
            waiter.continuation.resume(returning: grant)
            return true
        }
        return false
    }

    /// Sends one away with nothing; no effect when it has been served.
    mutating func turnAway(_ place: Place) {
        waiters.removeValue(forKey: place.number)?.continuation.resume(returning: nil)
    }

    mutating func turnAwayAll() {
        for waiter in waiters.values {
            waiter.expiry.cancel()
            waiter.continuation.resume(returning: nil)
        }
        waiters.removeAll()
        first = last
    }
}
