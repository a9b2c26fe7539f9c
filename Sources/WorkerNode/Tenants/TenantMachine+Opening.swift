import EngineHost
import FleetModel
import FleetStore

/// From closed files to a database that is served: rule 5.
extension TenantMachine {
    enum WantOpen {
        case isOpen
        case open
        case waitForOpening(Task<Void, any Error>)
        case waitForClosing(Task<Void, Never>)
        case isAccepting
        case doesNotOpen
        case notLeader
    }

    func wantOpen(at now: Duration) -> WantOpen {
        switch state {
        case .leading(.serving, _): .isOpen
        case .leading(.opening(let opening), _): .waitForOpening(opening.task)
        case .leading(.closing(let task), _): .waitForClosing(task)
        case .leading(.accepting, _): .isAccepting
        case .leading(.unopenable(let unopenable), _): now < unopenable.retryAt ? .doesNotOpen : .open
        case .leading(.closed, _): .open
        case .quiesced, .releasing, .gone: .notLeader
        }
    }

    mutating func beginWaiting() { openingWaiters += 1 }
    mutating func endWaiting() {
        invariant(openingWaiters > 0, "more waited for an opening than began to")
        openingWaiters -= 1
    }

    mutating func beginOpening(_ task: Task<Void, any Error>) { become(.opening(Opening(task: task))) }

    /// The host is asked to open the files.
    ///
    /// - Parameter hasCommits: they may hold commits that nobody counted.
    mutating func beginOpeningFiles(hasCommits: Bool) -> (opening: UInt64, commit: UInt64, wasAllPublished: Bool) {
        let wasAllPublished = isAllPublished
        let (opening, commit) = ledger.beginOpening(hasCommits: hasCommits)
        return (opening, commit, wasAllPublished)
    }

    /// It could not: nothing was found that would have to be published.
    mutating func filesNotOpened(_ begun: (opening: UInt64, commit: UInt64, wasAllPublished: Bool)) {
        if begun.wasAllPublished { ledger.published(through: begun.commit) }
    }

    enum Opened {
        case isCurrent
        /// The lease was lost meanwhile.
        case notLeader
        /// Its host ended meanwhile.
        case hostEnded
    }

    /// What opened files are good for.
    var opened: Opened { ledger.isOpeningLost ? .hostEnded : isOpening ? .isCurrent : .notLeader }

    mutating func beginCatchingUp(_ database: any HostedDatabase) {
        guard case .leading(.opening(var opening), _) = state else { brokenInvariant("catching up while it is \(state.name)") }
        invariant(opening.catchingUp == nil, "catching up twice")
        opening.catchingUp = database
        become(.opening(opening))
    }

    /// - Returns: whether everything is published; `nil` when the continuation waits.
    mutating func waitForAll(until deadline: Duration, _ continuation: CheckedContinuation<Bool, Never>) -> Bool? {
        if ledger.isAllPublished { return true }
        ledger.wait(for: ledger.lastCommit, until: deadline, continuation)
        return nil
    }

    /// - Returns: whether the files are still those that were caught up with; not, when the published state was returned to.
    mutating func endCatchingUp() -> Bool {
        guard case .leading(.opening(var opening), _) = state, opening.catchingUp != nil else { return false }
        opening.catchingUp = nil
        become(.opening(opening))
        return true
    }

    /// What the files hold is set aside: it is never going to be published.
    mutating func setAside() {
        disk = .useless
        ledger.giveUp()
    }

    /// The files are about to be brought to the head, whatever they hold.
    mutating func beginRestoring() {
        invariant(chain.isAtHead, "files are brought to a head that may move")
        if !ledger.isAllPublished { ledger.giveUp() }
    }

    /// Rule 5: the local state equals the head, or is the head and commits of this lease.
    mutating func serve(_ database: any HostedDatabase) {
        invariant(catchingUp == nil, "served before what was left is published")
        become(.serving(database))
        ledger.serve(database, in: chain.epoch)
        disk = .provable
        (reopenings, failingSince, isUnopenable) = (0, nil, false)
    }

    /// - Parameter counts: another node may be able to open it.
    mutating func openingFailed(since started: Duration, counts: Bool) {
        if isOpening { become(.closed) }
        // What waits for the bucket is nothing that another node could serve instead.
        if counts, isAllPublished, failingSince == nil { failingSince = started }
    }

    // MARK: What does not open

    mutating func becomeUnopenable(_ unopenable: Unopenable) {
        become(.unopenable(unopenable))
        (failingSince, isUnopenable) = (nil, true)
    }

    /// The search for an older state of what does not open at `seq` has an end.
    mutating func found(older: UInt64?, insteadOf seq: UInt64) -> UnopenableState? {
        guard case .leading(.unopenable(var unopenable), _) = state, unopenable.state.seq == seq else { return nil }
        unopenable.state.opensSeq = older
        become(.unopenable(unopenable))
        return unopenable.state
    }

    /// The older state is open; it is not published yet.
    mutating func accept(_ database: any HostedDatabase) { become(.accepting(database)) }

    /// The older state was not opened. What was counted for it is in no file that anybody opens.
    mutating func acceptingFailed(_ unopenable: Unopenable) {
        guard isOpening else { return }
        ledger.giveUp()
        become(.unopenable(unopenable))
    }
}
