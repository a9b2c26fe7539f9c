public import FleetModel

/// The one authority on who may write: sessions, leases and published heads.
///
/// The contract is the rules of `leases.md`; every implementation passes the same conformance suite, races included.
/// Postgres is the store of a fleet, the in-memory one serves tests and simulation. Nothing ever falls back from one
/// store to another.
///
/// Every method throws `LeaseStoreError`. After `.outcomeUnknown` the change may still happen, later: a caller reads
/// back to learn that it did, and never concludes from a read that it did not (rule 9).
public protocol LeaseStore: Sendable {
    // MARK: Sessions

    /// Opens the session of one process life and registers its node.
    func openSession(_ session: NewSession) async throws(LeaseStoreError)

    /// Rule 1. However late, a renewal that succeeds is valid.
    func renew(_ session: SessionID) async throws(LeaseStoreError) -> Renewal

    /// Every session that has not ended.
    func liveSessions() async throws(LeaseStoreError) -> [SessionRecord]

    /// Rule 3, by an observer: ends the session only if it was not renewed since `renewals` was read.
    ///
    /// - Returns: whether the session is ended now by this call.
    func endSession(_ session: SessionID, seen renewals: Int64, reason: String) async throws(LeaseStoreError) -> Bool

    /// Rule 3, by the owner after closing its gate, or by its supervisor after the process was reaped.
    ///
    /// A session that was never opened is recorded as ended, so that a late opening of it fails.
    ///
    /// - Returns: whether it had been opened.
    @discardableResult
    func endOwnSession(_ session: SessionID, node: NodeName, reason: String) async throws(LeaseStoreError) -> Bool

    /// Makes the next renewal fail. The session still lives until it is ended.
    func revokeSession(_ session: SessionID) async throws(LeaseStoreError)

    // MARK: Leases

    /// Creates the leases of new databases, held by nobody, at epoch zero. Existing ones are left alone.
    func createLeases(_ databases: [DatabaseID]) async throws(LeaseStoreError)

    /// Rule 4: takes those of `databases` whose session is null or ended.
    ///
    /// - Returns: the leases acquired, with their new epoch and the head to serve from.
    func acquire(_ databases: [DatabaseID], for session: SessionID) async throws(LeaseStoreError) -> [Lease]

    func leases(of databases: [DatabaseID]) async throws(LeaseStoreError) -> [Lease]

    func leases(heldBy session: SessionID) async throws(LeaseStoreError) -> [Lease]

    /// Rule 6: advances the heads that match, records the bundle and the segments of those, in one statement.
    ///
    /// - Returns: the databases whose head advanced. What "not returned" means only a look at the row can tell.
    /// - Throws: `LeaseStoreError.bundleSwept` when the name of the bundle was tombstoned, `.entryRefused` when one of the entries
    ///   cannot be what a row holds: the others may be published without it.
    func publish(_ publication: Publication) async throws(LeaseStoreError) -> Set<DatabaseID>

    /// Rule 7: hands the lease to a session that holds a copy, if `(session, epoch, head_seq)` match.
    func transfer(_ claim: LeaseClaim, from session: SessionID, to successor: SessionID, copy: CopyID?)
        async throws(LeaseStoreError) -> Bool

    /// Rule 8: gives leases up, where `(session, epoch, head_seq)` match.
    func release(_ claims: [LeaseClaim], by session: SessionID) async throws(LeaseStoreError) -> Set<DatabaseID>

    /// Rule 9: makes a statement whose outcome is unknown impossible, by moving the holder's own epoch past it.
    ///
    /// - Returns: the lease with its new epoch, `nil` when it is no longer held at `epoch`.
    func raiseEpoch(_ database: DatabaseID, from epoch: Epoch, by session: SessionID)
        async throws(LeaseStoreError) -> Lease?
}

/// What one `LeaseStore` call failed with.
public enum LeaseStoreError: Error, Sendable, CustomStringConvertible {
    /// The store was not reached; nothing happened.
    case unavailable(String)
    /// The statement was sent and its reply was lost; it may have happened, or happen yet.
    case outcomeUnknown(String)
    /// The session cannot be opened: it has ended already.
    case sessionEnded
    /// The fleet writes what this program cannot read.
    case programTooOld(String)
    /// The store is not the one this fleet was created on, or was restored or promoted since (rule 12).
    case generationChanged(String)
    /// The bundle's name carries a tombstone: what it holds must be stored again under a new name.
    case bundleSwept
    /// The store refused the statement; nothing happened.
    case refused(String)
    /// The store refused what a row of the statement holds; nothing happened. Other rows it may take.
    case entryRefused(String)

    public var description: String {
        switch self {
        case .unavailable(let why): "the lease store is unavailable: \(why)"
        case .outcomeUnknown(let why): "the reply of the lease store was lost: \(why)"
        case .sessionEnded: "the session has ended"
        case .generationChanged(let why): "the lease store is of another generation: \(why)"
        case .programTooOld(let why): why
        case .bundleSwept: "the bundle was swept before it was published"
        case .refused(let why): "the lease store refused: \(why)"
        case .entryRefused(let why): "the lease store refused a row: \(why)"
        }
    }

    /// The same as an error for people.
    public var asBerthError: BerthError {
        switch self {
        case .unavailable, .outcomeUnknown, .refused, .entryRefused:
            BerthError(.storeUnavailable, description)
        case .sessionEnded:
            BerthError(.sessionEnded, "This process's session has ended; it restarts with a new one.")
        case .generationChanged(let why):
            BerthError(
                .storeGenerationChanged,
                "\(why). Nothing is served until `berth migrate --adopt-store` has checked every lease against the bucket.")
        case .programTooOld(let why):
            BerthError(.programTooOld, "\(why).")
        case .bundleSwept:
            BerthError(.internalError, description)
        }
    }
}
