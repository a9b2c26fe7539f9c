import FleetModel
import FleetStore
import Leases

/// What a node does about the difference between where databases should be led and what it leads, and what of that is under way.
///
/// A value without I/O. The ``Reconciler`` hands in what it read, carries the decisions out, and tells how they ended. What is handed in may be
/// older than what is under way: nothing is decided of a database that is being handed over, and a lease that was given away since it was
/// read is not taken for one that nobody knew of.
struct ReconcilePlan {
    struct Limits {
        /// Leases acquired by one statement.
        var acquireBatch: Int
        /// Databases copied from the bucket at a time, ahead of taking them over; and opened at a time, ahead of their first request.
        var preparations: Int
        var handovers: Int
        /// How long a holder may be unable to serve; and how long it leaves a lease alone that it gave up for that.
        var unableToServe: Duration
        /// Between two looks at all leases.
        var fullLook: Duration
    }

    /// What this node has of a database.
    enum Standing {
        case nothing
        case led
        /// Led until its lease was lost.
        case lost
    }

    /// Something that was read.
    enum Sight {
        /// Databases placed on this node that its session does not hold.
        case wanted([Assignment])
        /// Of the databases `among` which there may be leases of this session, those there are.
        case leases(held: [Lease], among: Set<DatabaseID>)
        /// Databases this node leads that are placed on another one.
        case misplaced([Handover])
        /// Databases that could not be opened, and for how long.
        case unable([DatabaseID: Duration])
        /// What operations wait for.
        case awaited([DatabaseID])
        /// Older states that operators accept.
        case accepted([DatabaseID: UInt64])
    }

    enum Decision: Equatable {
        /// With one statement.
        case acquire([DatabaseID])
        /// Leases of this session that this node did not know of.
        case serve([Lease])
        /// It is led here and its lease was not there: let go of it, if its lease says so once more.
        case verify(DatabaseID)
        case prepare(Assignment)
        case handOver(DatabaseID, to: SessionID, copy: CopyID?)
        case giveUp([DatabaseID])
        case open(DatabaseID)
        case accept(DatabaseID, seq: UInt64)
    }

    /// Leases that are to be read.
    enum Look: Equatable {
        case everything
        /// Those that may have changed hands.
        case leases(Set<DatabaseID>)
    }

    let limits: Limits
    private var preparations = Attempts(delays: .milliseconds(500)...(.seconds(30)))
    private var handovers = Attempts(delays: .seconds(1)...(.seconds(30)))
    /// Given up because they could not be served; acquired again only after this time.
    private var notBefore: [DatabaseID: Duration] = [:]
    /// Handed over since the leases were last read: what was read may be older, and says they are this node's.
    private var departed: Set<DatabaseID> = []
    /// Leases said to have changed hands; `nil` for any.
    private var suspects: Set<DatabaseID>?
    private var nextFullLook = Duration.zero
    /// Being opened, or in line for it.
    private var opening: Set<DatabaseID> = []
    /// Those in line.
    private var toOpen: [DatabaseID] = []

    init(limits: Limits) {
        invariant(limits.acquireBatch > 0 && limits.preparations > 0 && limits.handovers > 0, "a limit of zero: nothing would ever be done")
        self.limits = limits
    }

    func isHandingOver(_ database: DatabaseID) -> Bool { handovers.underWay.contains(database) }

    // MARK: What is to be read

    /// - Parameter leases: leases that may have changed hands; `nil` for any.
    mutating func suspect(_ leases: [DatabaseID]?) {
        if let leases { suspects?.formUnion(leases) } else { suspects = nil }
    }

    /// Begins to read leases: those said to have changed; all of them now and then.
    mutating func look(at now: Duration) -> Look {
        let look: Look = if let suspects, now < nextFullLook { .leases(suspects) } else { .everything }
        if look == .everything { nextFullLook = now + limits.fullLook }
        suspects = []
        // What is read from here on knows of them.
        departed = []
        return look
    }

    /// It was not read, or what it showed was not acted on.
    mutating func lookFailed(_ look: Look) {
        switch look {
        case .everything: suspects = nil
        case .leases(let leases): suspects?.formUnion(leases)
        }
    }

    // MARK: Decisions

    /// - Parameter standing: what this node has of a database, as of now.
    mutating func decide(on sight: Sight, at now: Duration, standing: (DatabaseID) -> Standing) -> [Decision] {
        switch sight {
        case .wanted(let wanted): take(wanted, now)
        case .leases(let held, let among): compare(held, among, standing)
        case .misplaced(let misplaced): give(misplaced, now, standing)
        case .unable(let unable): giveUp(unable)
        case .awaited(let awaited): open(awaited.filter { standing($0) == .led })
        case .accepted(let accepted):
            accepted.filter { standing($0.key) == .led && !isHandingOver($0.key) }.sorted { $0.key < $1.key }
                .map { .accept($0.key, seq: $0.value) }
        }
    }

    private mutating func take(_ wanted: [Assignment], _ now: Duration) -> [Decision] {
        notBefore = notBefore.filter { $0.value > now }
        // What is being handed over may have come free, and is not settled yet.
        let free = wanted.filter { $0.heldBy == nil && notBefore[$0.database] == nil && !isHandingOver($0.database) }.map(\.database)
        let acquired = free.inBatches(of: limits.acquireBatch).map { Decision.acquire($0) }
        let prepared = wanted.filter { $0.heldBy != nil && !$0.isPrepared }
            .filter { preparations.begin($0.database, at: now, atMost: limits.preparations) }
        return acquired + prepared.map { .prepare($0) }
    }

    /// Rule 4: leases that are this node's and that it does not know of — a lost reply, a transfer — are served, and what is another's is let go of.
    private func compare(_ held: [Lease], _ among: Set<DatabaseID>, _ standing: (DatabaseID) -> Standing) -> [Decision] {
        let unknown = held.filter { lease in
            guard lease.database != .managerLease, !isHandingOver(lease.database), !departed.contains(lease.database) else { return false }
            return standing(lease.database) != .led
        }
        let others = among.subtracting(held.map(\.database)).filter { standing($0) != .nothing && !isHandingOver($0) }
        return (unknown.isEmpty ? [] : [.serve(unknown)]) + others.sorted().map { .verify($0) }
    }

    private mutating func give(_ misplaced: [Handover], _ now: Duration, _ standing: (DatabaseID) -> Standing) -> [Decision] {
        misplaced.compactMap { handover in
            guard let successor = handover.successor, standing(handover.database) != .nothing,
                handovers.begin(handover.database, at: now, atMost: limits.handovers)
            else { return nil }
            return .handOver(handover.database, to: successor, copy: handover.copy)
        }
    }

    /// Rule 4: a holder that cannot serve gives the lease up, so that another may try.
    private func giveUp(_ unable: [DatabaseID: Duration]) -> [Decision] {
        let stuck = unable.filter { $0.value >= limits.unableToServe && !isHandingOver($0.key) }.keys.sorted()
        return stuck.isEmpty ? [] : [.giveUp(stuck)]
    }

    /// Databases that are to be open before their next request.
    mutating func open(_ databases: [DatabaseID]) -> [Decision] {
        for database in databases where !isHandingOver(database) && opening.insert(database).inserted { toOpen.append(database) }
        let underWay = opening.count - toOpen.count
        invariant(underWay <= limits.preparations, "more is being opened than may be")
        let next = Array(toOpen.prefix(limits.preparations - underWay))
        toOpen.removeFirst(next.count)
        return next.map { .open($0) }
    }

    // MARK: How they ended

    /// - Returns: what takes its place.
    mutating func opened(_ database: DatabaseID) -> [Decision] {
        let wasOpening = opening.remove(database) != nil
        invariant(wasOpening, "an opening ended twice")
        return open([])
    }

    mutating func prepared(_ database: DatabaseID, succeeded: Bool, at now: Duration) {
        preparations.end(database, succeeded: succeeded, at: now)
    }

    /// - Parameter hasLeft: the lease is another's now.
    mutating func handedOver(_ database: DatabaseID, hasLeft: Bool, at now: Duration) {
        handovers.end(database, succeeded: hasLeft, at: now)
        if hasLeft { departed.insert(database) }
    }

    mutating func gaveUp(_ database: DatabaseID, at now: Duration) { notBefore[database] = now + limits.unableToServe }
}

/// What is being tried, and what failed and is tried again later.
private struct Attempts {
    private(set) var underWay: Set<DatabaseID> = []
    private var times: RetryTimes

    init(delays: ClosedRange<Duration>) { times = RetryTimes(delays: delays) }

    /// - Returns: whether it may be tried now. Then its end must be told.
    mutating func begin(_ database: DatabaseID, at now: Duration, atMost limit: Int) -> Bool {
        underWay.count < limit && times.mayTry(database, at: now) && underWay.insert(database).inserted
    }

    mutating func end(_ database: DatabaseID, succeeded: Bool, at now: Duration) {
        let wasUnderWay = underWay.remove(database) != nil
        invariant(wasUnderWay, "an attempt ended twice")
        if succeeded { times.succeeded(database) } else { times.failed(database, at: now) }
    }
}

extension Array {
    fileprivate func inBatches(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
