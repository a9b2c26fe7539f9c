import EngineHost
import FleetModel

/// What decides whether an answer may be given, and when. A value without I/O; every answer of a database passes it, in whatever way it was asked for.
struct TenantLedger: Sendable {
    /// A database that takes requests.
    struct Service: Sendable {
        let database: any HostedDatabase
        /// The lease under which it is served.
        let epoch: Epoch
        /// Counts how often commits were given up and the published state was returned to: a request that began before must not be acknowledged
        /// after.
        let life: UInt64
    }

    /// Set while requests are taken.
    private(set) var service: Service?
    /// In which epoch answers may be given. Also while a host that ended is replaced: what was committed is in the files.
    private(set) var acknowledgedEpoch: Epoch?
    private(set) var life: UInt64 = 0
    /// Requests of which the answer was not given yet.
    private(set) var underWay = 0
    /// Commits are numbered, so that an acknowledgement can wait for its own.
    private(set) var lastCommit: UInt64 = 0
    private(set) var publishedCommit: UInt64 = 0
    /// Counts openings: what a former one tells is not heard any more.
    private(set) var opening: UInt64 = 0
    /// The last opening of which the host ended.
    private var lostOpening: UInt64?
    private(set) var waiters = PublishWaiters()

    /// Everything committed is published.
    var isAllPublished: Bool { lastCommit == publishedCommit }
    /// The host of the last opening ended.
    var isOpeningLost: Bool { lostOpening == opening }

    // MARK: Requests

    /// - Returns: `nil` when there is nobody to carry a request out.
    mutating func begin() -> Service? {
        guard let service else { return nil }
        underWay += 1
        return service
    }

    mutating func end() {
        invariant(underWay > 0, "more requests ended than began")
        underWay -= 1
    }

    /// Rule 2, as far as it is this database's: the lease is held and served in the epoch a request began in, and nothing the request saw or did
    /// was given up since.
    func mayAcknowledge(_ service: Service) -> Bool { acknowledgedEpoch == service.epoch && life == service.life }

    enum Wait {
        case isPublished, isGivenUp, wait
    }

    func wait(for commit: UInt64, of service: Service) -> Wait {
        guard mayAcknowledge(service) else { return .isGivenUp }
        return commit <= publishedCommit ? .isPublished : .wait
    }

    mutating func wait(for commit: UInt64, until deadline: Duration, _ continuation: CheckedContinuation<Bool, Never>) {
        invariant(commit > publishedCommit, "an acknowledgement waits for what is published")
        waiters.wait(for: commit, deadline: deadline, continuation)
    }

    mutating func expire(at now: Duration) { waiters.expire(at: now) }

    /// Nobody is acknowledged any more who waits.
    mutating func failAllWaiters() { waiters.failAll() }

    // MARK: Opening and closing

    /// - Parameter hasCommits: the files may hold commits that nobody counted.
    /// - Returns: the number of the opening, and that of the last commit.
    mutating func beginOpening(hasCommits: Bool) -> (opening: UInt64, commit: UInt64) {
        invariant(service == nil, "a database is opened that is open")
        opening += 1
        if hasCommits { lastCommit += 1 }
        return (opening, lastCommit)
    }

    mutating func serve(_ database: any HostedDatabase, in epoch: Epoch) {
        service = Service(database: database, epoch: epoch, life: life)
        acknowledgedEpoch = epoch
    }

    /// The host of an opening ended. What it answered may still be acknowledged.
    mutating func lost(_ opening: UInt64) {
        guard opening == self.opening else { return }
        service = nil
        lostOpening = opening
    }

    /// Takes no more requests, if nobody waits for an answer and nothing is unpublished.
    mutating func stopServingIfIdle() -> Bool {
        guard underWay == 0, isAllPublished else { return false }
        service = nil
        return true
    }

    /// The lease is about to change hands, or is another's.
    mutating func stopAcknowledging() {
        service = nil
        acknowledgedEpoch = nil
    }

    // MARK: Commits

    /// - Returns: whether it is news.
    mutating func committed(_ commit: UInt64, in opening: UInt64) -> Bool {
        guard opening == self.opening, commit > lastCommit else { return false }
        lastCommit = commit
        return true
    }

    mutating func published(through commit: UInt64) {
        invariant(commit <= lastCommit, "more is published than was committed")
        publishedCommit = max(publishedCommit, commit)
        waiters.published(through: publishedCommit)
    }

    /// What is not published is given up.
    mutating func giveUp() {
        stopAcknowledging()
        life += 1
        publishedCommit = lastCommit
        waiters.failAll()
    }
}
