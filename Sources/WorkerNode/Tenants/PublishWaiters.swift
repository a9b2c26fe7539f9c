import FleetModel

/// Acknowledgements that wait until the commits they rest on are in the bucket.
struct PublishWaiters: Sendable {
    private struct Waiter: Sendable {
        /// The number of the last commit the acknowledgement rests on.
        let commit: UInt64
        let deadline: Duration
        let continuation: CheckedContinuation<Bool, Never>
    }

    private var waiters: [Waiter] = []

    var isEmpty: Bool { waiters.isEmpty }

    mutating func wait(for commit: UInt64, deadline: Duration, _ continuation: CheckedContinuation<Bool, Never>) {
        waiters.append(Waiter(commit: commit, deadline: deadline, continuation: continuation))
    }

    /// Everything up to `commit` is published.
    mutating func published(through commit: UInt64) {
        resume(true) { $0.commit <= commit }
    }

    mutating func expire(at now: Duration) {
        resume(false) { $0.deadline <= now }
    }

    mutating func failAll() {
        resume(false) { _ in true }
    }

    private mutating func resume(_ isPublished: Bool, where matches: (Waiter) -> Bool) {
        let resumed = waiters.filter(matches)
        guard !resumed.isEmpty else { return }
        waiters.removeAll(where: matches)
        for waiter in resumed { waiter.continuation.resume(returning: isPublished) }
    }
}
