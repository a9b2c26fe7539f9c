import FleetModel

/// Who of one database's streams may write: SQLite has one writer, and waiting for it must not occupy a thread.
///
/// Confined to the database's actor.
struct WriteTurn {
    struct Waiter {
        let stream: UInt64
        let deadline: Duration
        let continuation: CheckedContinuation<Grant, Never>
    }

    enum Grant: Sendable {
        case granted
        case timedOut
        /// The database is being handed over.
        case refused
        /// Whoever wanted it has left.
        case withdrawn
    }

    private(set) var owner: UInt64?
    private var waiters: [Waiter] = []

    var hasWaiters: Bool { !waiters.isEmpty }

    /// Takes the turn if it is free or already this stream's.
    mutating func take(_ stream: UInt64) -> Bool {
        guard owner == nil || owner == stream else { return false }
        owner = stream
        return true
    }

    mutating func wait(_ waiter: Waiter) {
        invariant(owner != nil && owner != waiter.stream, "a stream waits for a turn that it could have")
        waiters.append(waiter)
    }

    /// Gives the turn to whoever waited longest.
    mutating func release(_ stream: UInt64) {
        guard owner == stream else { return }
        owner = nil
        guard !waiters.isEmpty else { return }
        let next = waiters.removeFirst()
        owner = next.stream
        next.continuation.resume(returning: .granted)
    }

    mutating func expire(at now: Duration) {
        refuse(.timedOut) { $0.deadline <= now }
    }

    mutating func withdraw(_ stream: UInt64) {
        refuse(.withdrawn) { $0.stream == stream }
    }

    mutating func refuseAll() {
        refuse(.refused) { _ in true }
    }

    private mutating func refuse(_ grant: Grant, where isRefused: (Waiter) -> Bool) {
        let refused = waiters.filter(isRefused)
        waiters.removeAll(where: isRefused)
        for waiter in refused { waiter.continuation.resume(returning: grant) }
    }
}
