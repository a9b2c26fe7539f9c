import EngineHost
import FleetModel
import FleetStore
import Leases

/// The life of one database on the node that holds its lease: what is served, acknowledged, shipped and given away, and when. A value without I/O.
///
/// A ``Tenant`` tells it what happened and carries out what it returns. Whoever waited in between tells it what came of that, and may learn
/// that it does not matter any more. Every change of the state is checked (``State/mayBecome(_:)``), and what is given away is published.
struct TenantMachine: Sendable {
    // Changed in this type's own files alone.
    var state = State.leading(.closed, .none) {
        didSet {
            invariant(oldValue.mayBecome(state), "a database that was \(oldValue.name) became \(state.name)")
            switch (oldValue, state) {
            case (.leading, .quiesced), (_, .releasing):
                invariant(ledger.isAllPublished && chain.isAtHead, "a database is given away that is not published")
                invariant(ledger.acknowledgedEpoch == nil, "a database is given away that is still acknowledged")
            default: break
            }
        }
    }
    var ledger = TenantLedger()
    var chain: TenantChain
    var disk = Disk.provable
    /// What is published was found not to open, and nothing was served since.
    var isUnopenable = false
    /// The first opening that failed since one succeeded.
    var failingSince: Duration?
    /// Callers that wait for an opening: the files are not closed before they had their turn.
    var openingWaiters = 0
    /// Attempts in a row to open what a host left, and when the next is due.
    var reopenings = 0
    var nextReopening = Duration.zero

    init(lease: Lease) { chain = TenantChain(epoch: lease.epoch, head: lease.head) }

    // MARK: What it is

    var isGone: Bool { if case .gone = state { true } else { false } }
    var isServing: Bool { if case .leading(.serving, _) = state { true } else { false } }
    var isClosed: Bool { if case .leading(.closed, _) = state { true } else { false } }
    var isOpening: Bool { if case .leading(.opening, _) = state { true } else { false } }
    var catchingUp: (any HostedDatabase)? { if case .leading(.opening(let opening), _) = state { opening.catchingUp } else { nil } }
    var unopenable: Unopenable? { if case .leading(.unopenable(let unopenable), _) = state { unopenable } else { nil } }

    /// On the way to being given away: new work is the successor's, and changesets are waited for.
    var isDraining: Bool {
        switch state {
        case .leading(_, .underWay), .leading(_, .over), .quiesced: true
        case .leading(_, .none), .releasing, .gone: false
        }
    }

    /// The head is all there is of this database.
    var isAllPublished: Bool { ledger.isAllPublished && chain.isAtHead && !chain.publishesAnew }
    /// Nobody waits for an answer, and everything committed is published.
    var isQuiet: Bool { ledger.underWay == 0 && isAllPublished }

    /// The files are closed, and it is not known that they hold no commits.
    var mayBeLeft: Bool { isClosed && disk != .useless }

    /// The lease is this node's, and not everything committed under it is published.
    var isHeldUnpublished: Bool {
        switch state {
        case .leading(.unopenable, _), .releasing, .gone: false
        case .leading, .quiesced: !ledger.isAllPublished || catchingUp != nil
        }
    }

    mutating func become(_ files: Files) {
        guard case .leading(_, let drain) = state else { brokenInvariant("the files of a database change that is \(state.name)") }
        state = .leading(files, drain)
    }

    // MARK: Requests, on any thread

    mutating func begin() -> TenantLedger.Service? { ledger.begin() }

    /// - Returns: whether somebody waits for the last of them.
    mutating func end() -> Bool {
        ledger.end()
        return isDraining
    }

    mutating func committed(_ commit: UInt64, in opening: UInt64) -> Bool { ledger.committed(commit, in: opening) }

    /// At once, ahead of ``hostLost(_:)``: whoever comes next is not sent to what is not there.
    mutating func lost(_ opening: UInt64) { ledger.lost(opening) }

    /// - Returns: what is known of it; `nil` when the continuation waits.
    mutating func wait(
        for commit: UInt64, of service: TenantLedger.Service, until deadline: Duration, _ continuation: CheckedContinuation<Bool, Never>
    ) -> Bool? {
        switch ledger.wait(for: commit, of: service) {
        case .isPublished: return true
        case .isGivenUp: return false
        case .wait:
            ledger.wait(for: commit, until: deadline, continuation)
            return nil
        }
    }

    // MARK: Time

    var needsAttention: Bool { !ledger.waiters.isEmpty || mustReopen }

    /// What its host left is on this disk alone.
    private var mustReopen: Bool {
        guard case .leading(.closed, _) = state else { return false }
        return disk == .kept && !ledger.isAllPublished
    }

    /// Ends what has waited too long.
    ///
    /// - Returns: whether it is to be opened.
    mutating func tick(at now: Duration, reopenDelay delays: ClosedRange<Duration>) -> Bool {
        ledger.expire(at: now)
        guard mustReopen, now >= nextReopening else { return false }
        nextReopening = now + min(delays.lowerBound * (1 << min(reopenings, 20)), delays.upperBound)
        reopenings += 1
        return true
    }

    // MARK: Closing

    /// - Parameter close: begins to close the files.
    /// - Returns: `nil` when it is being used.
    mutating func closeIfIdle(_ close: (any HostedDatabase) -> Task<Void, Never>) -> Task<Void, Never>? {
        guard case .leading(.serving(let database), .none) = state, openingWaiters == 0, isAllPublished, ledger.stopServingIfIdle() else { return nil }
        let task = close(database)
        become(.closing(task))
        return task
    }

    enum Closed {
        case markClean, isClosed, serveOn
        /// The lease was lost meanwhile: the files are to be let go of.
        case notLeader
    }

    /// - Parameter outcome: `nil` when they were not closed.
    mutating func closed(_ database: any HostedDatabase, _ outcome: Closing?) -> Closed {
        guard case .leading(.closing, _) = state else { return .notLeader }
        switch outcome {
        case .clean:
            become(.closed)
            return .markClean
        case nil where disk != .kept:
            ledger.serve(database, in: chain.epoch)
            become(.serving(database))
            return .serveOn
        case .dirty, nil:
            become(.closed)
            return .isClosed
        }
    }

    // MARK: Loss

    enum Loss {
        case nothing
        case files(any HostedDatabase)
        case closing(Task<Void, Never>)
        /// Whoever is opening finds out, and lets go of what it has; what it catches up with is let go of here.
        case opening(Opening)
    }

    /// The lease is another's: nothing of this copy may be served or shipped again.
    ///
    /// - Returns: what is to be let go of; `nil` when it was lost before.
    mutating func lose() -> Loss? {
        let loss: Loss
        switch state {
        case .gone: return nil
        case .leading(.serving(let database), _), .leading(.accepting(let database), _), .quiesced(let database?): loss = .files(database)
        case .leading(.closing(let task), _): loss = .closing(task)
        case .leading(.opening(let opening), _): loss = .opening(opening)
        case .leading(.closed, _), .leading(.unopenable, _), .quiesced(nil), .releasing: loss = .nothing
        }
        leave()
        ledger.giveUp()
        return loss
    }

    /// The lease was given away.
    mutating func leave() {
        ledger.stopAcknowledging()
        state = .gone
        isUnopenable = false
    }

    /// The lease is still this node's, and what was committed is in the files: another host goes on with them.
    ///
    /// - Returns: whether it was heard.
    mutating func hostLost(_ opening: UInt64) -> Bool {
        guard ledger.opening == opening else { return false }
        ledger.lost(opening)
        switch state {
        case .leading(.serving, _):
            disk = .kept
            become(.closed)
        case .leading(.closing, _): disk = .kept
        case .leading(.accepting, _): become(.closed)
        case .leading(.opening(var opening), _):
            // Whoever opens it finds out. What it was about to publish stays on the disk, for the next attempt.
            opening.catchingUp = nil
            become(.opening(opening))
            ledger.failAllWaiters()
        case .quiesced: state = .quiesced(nil)
        case .leading(.closed, _), .leading(.unopenable, _), .releasing, .gone: break
        }
        return true
    }

    enum FilesDoNotOpen {
        case notHeard
        /// What is committed is shipped first, as it lies in the files.
        case ship
        case letGo(any HostedDatabase)
    }

    mutating func filesDoNotOpen(_ opening: UInt64) -> FilesDoNotOpen {
        guard isServing, ledger.opening == opening else { return .notHeard }
        guard isAllPublished else { return .ship }
        return returnToHead().map { .letGo($0) } ?? .notHeard
    }

    /// Gives up what is not published; the published state is served next.
    ///
    /// - Parameter head: the published one, when it is not the one that was known.
    /// - Returns: what is to be let go of; `nil` when nothing is open that could be.
    mutating func returnToHead(at head: ChainPosition? = nil) -> (any HostedDatabase)? {
        let former: any HostedDatabase
        switch state {
        case .leading(.serving(let database), _), .leading(.accepting(let database), _):
            former = database
            become(.closed)
        case .leading(.opening(var opening), _):
            // It goes on by restoring.
            guard let database = opening.catchingUp else { return nil }
            former = database
            opening.catchingUp = nil
            become(.opening(opening))
        case .leading(.closed, _), .leading(.closing, _), .leading(.unopenable, _), .quiesced, .releasing, .gone: return nil
        }
        disk = .useless
        chain.returnToHead(at: head)
        ledger.giveUp()
        return former
    }
}
