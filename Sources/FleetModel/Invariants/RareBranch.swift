import Synchronization

/// A branch that is taken only when things go wrong in a certain way, and that a run of faults must therefore be shown to take.
///
/// A test that never comes near its subject passes as well. So each of these branches is marked where it is, ``marked()``, the
/// simulation tells how often each was taken, and fails when one that many schedules are known to take was never taken.
public enum RareBranch: String, Sendable, CaseIterable {
    /// An observer ends a session that was silent for its TTL.
    case silentSessionEnded = "silent-session-ended"
    /// Ending a silent session is put off, because too many are.
    case endingBraked = "ending-braked"
    /// A session that was ended or revoked is renewed too late.
    case renewalRefused = "renewal-refused"
    /// A publish matched nothing, because another holds the lease.
    case publishFenced = "publish-fenced"
    /// A publish matched nothing, because an earlier attempt had advanced the head and its reply was lost.
    case publishFoundDone = "publish-found-done"
    /// A bundle was swept before it was published, or its name was taken: it goes out under another name.
    case bundleRenamed = "bundle-renamed"
    /// The store refused a bundle because of something in it, which is looked for in its halves.
    case bundleSplit = "bundle-split"
    /// A changeset that the store refuses is tried again alone.
    case changesetRefused = "changeset-refused"
    /// A committed write could not be confirmed: “outcome unknown”.
    case outcomeUnknown = "outcome-unknown"
    /// The gate was closed before a request began.
    case gateClosed = "gate-closed"
    /// A lease was this node's without its knowing: a lost reply, a transfer.
    case leaseFound = "lease-found"
    /// The reply to a transfer was lost.
    case transferUnanswered = "transfer-unanswered"
    /// The epoch was raised, so that a transfer whose reply was lost cannot happen any more.
    case epochRaised = "epoch-raised"
    /// A handover was given up, and the database is served on.
    case handoverKept = "handover-kept"
    /// The files are gone on with where a process that died had stopped.
    case copyContinued = "copy-continued"
    /// A host ended, and another one goes on with the files it left.
    case hostReplaced = "host-replaced"
    /// A host ended itself for work that went on long after its deadline.
    case hostOverdue = "host-overdue"
    /// A host that gave no sign of life is ended.
    case hostStalled = "host-stalled"
    /// A host is ended at its memory limit.
    case hostFull = "host-full"
    /// A host that kept memory which nothing in it was using is ended at rest.
    case hostRecycled = "host-recycled"
    /// A request was ended because its host took too much memory.
    case requestGaveWay = "request-gave-way"
    /// A statement was stopped at its deadline.
    case statementTimedOut = "statement-timed-out"
    /// A database that ended its hosts is opened in one of its own.
    case openedAlone = "opened-alone"
    /// A database that ended its hosts is not opened for some time.
    case databaseQuarantined = "database-quarantined"
    /// A clean copy is brought forward by what was published since.
    case copyExtended = "copy-extended"
    /// A copy is not on the published chain.
    case copyReplaced = "copy-replaced"
    /// A graceful stop could not publish everything.
    case stoppedUnpublished = "stopped-unpublished"
    /// A holder that could not serve gives its lease up.
    case leaseGivenUp = "lease-given-up"
    /// Files are opened anew after a write that failed.
    case reopenedAfterFault = "reopened-after-fault"
    /// What SQLite does not count as committed is cut off its log.
    case logCut = "log-cut"
    /// A database is returned to its published state, and its commits are given up.
    case returnedToHead = "returned-to-head"
    /// Processes of a former store generation are refused.
    case generationRefused = "generation-refused"
    /// The circuit to the bucket opened.
    case circuitOpened = "circuit-opened"
    /// A route that somebody told is older than the one that is known.
    case staleRoute = "stale-route"
    /// A write is pushed back, because the bucket is too far behind.
    case writePushedBack = "write-pushed-back"

    private static let counts = Mutex([Int](repeating: 0, count: allCases.count))
    private static let places = Dictionary(uniqueKeysWithValues: zip(allCases, allCases.indices))

    /// The branch is taken. Rare, so that a lock costs nothing.
    public func marked() {
        guard let place = Self.places[self] else { return }
        Self.counts.withLock { $0[place] += 1 }
    }

    /// How often this process has taken each branch, those never taken included.
    public static var taken: [RareBranch: Int] {
        let counts = counts.withLock { $0 }
        return Dictionary(uniqueKeysWithValues: zip(allCases, counts))
    }
}
