import Changesets
import DequeModule
import FleetModel

/// A changeset on its way, and who is to be told.
struct Shipment: Sendable {
    let source: any Shippable
    let changeset: CutChangeset

    var database: DatabaseID { source.database }
    var size: Int { changeset.contents.size }
    var sizeInMemory: Int { changeset.contents.bytesInMemory }
    var isInFile: Bool { if case .file = changeset.contents { true } else { false } }
}

/// Who is asked for changes, and which of them leave together. A pure value: it is told what happened and when, and says what is to be
/// done next.
///
/// Databases are asked in rounds, an interval apart. A round waits for nobody longer than ``ShipperSettings/cutPatience``: what comes
/// later goes with the bundle of a later round. Idle databases are not in here and cost nothing.
///
/// A source is in one place at a time: it waits to be asked, or it is **engaged**, from then on until it was told the outcome. What it
/// commits meanwhile is remembered and makes it wait again, so a database has one changeset under way. A source is known by its
/// identity, not by its database: after a lease was lost and acquired anew, the mark of the former source must not pass for one of the
/// present.
struct ShipQueue {
    enum Step {
        /// Ask these for their changesets, and tell ``answered(_:_:at:)`` what each says.
        case ask([any Shippable])
        /// Send this bundle, say ``left(_:)`` once it takes no place any more, and ``told(_:)`` for each outcome that a source was told.
        case send(Load)
        /// Nothing to do before this moment, or before something happens.
        case wait(until: Duration?)
    }

    /// What goes into one bundle.
    struct Load {
        let shipments: [Shipment]
        let isLarge: Bool
    }

    private struct Engagement {
        let source: any Shippable
        let round: Int
        let isUrgent: Bool
        /// Marked dirty since it was asked, and whether urgently.
        var again: Bool?
    }

    private struct Round {
        var number = 0
        var began: Duration?
        /// How many of those that wait are still to be asked.
        var toAsk = 0
        /// How many were asked and have not answered.
        var unanswered = 0
        /// When the first changeset for the next bundle was there, and when somebody was asked last.
        var firstThere: Duration?
        var lastAsked = Duration.zero
        /// Whether a bundle is made of what is there.
        var isOpen = false
        /// A full bundle has left, and those that were asked have not all answered: what they say in time follows at once.
        var isFollowedUp = false
    }

    private let settings: ShipperSettings
    private var waiting: Deque<any Shippable> = []
    private var members: Set<ObjectIdentifier> = []
    private var urgent: Set<ObjectIdentifier> = []
    private var engaged: [ObjectIdentifier: Engagement] = [:]
    /// Those asked that are not late yet, in the order of time.
    private var asked: [(source: ObjectIdentifier, at: Duration)] = []
    private var round = Round()
    /// Wait for a bundle, in the order in which they came.
    private var shipments: Deque<Shipment> = []
    private var largeShipments: Deque<Shipment> = []
    /// Of a database of which a former source's changeset is still under way.
    private var blocked: [DatabaseID: [Shipment]] = [:]
    /// Those with a changeset that waits here or is under way.
    private var databases: Set<DatabaseID> = []
    private var waitingBytes = 0
    private var cutBytes = 0
    private var hasUrgentCut = false
    private(set) var bundlesUnderWay = 0
    private(set) var largeBundlesUnderWay = 0

    init(_ settings: ShipperSettings) { self.settings = settings }

    private var isUrgent: Bool { hasUrgentCut || !urgent.isEmpty }

    // MARK: What happens

    /// `source` committed something.
    ///
    /// - Returns: whether there may be something to do now.
    mutating func mark(_ source: any Shippable, urgent isUrgentMark: Bool) -> Bool {
        let id = ObjectIdentifier(source)
        if let engagement = engaged[id] {
            engaged[id]?.again = isUrgentMark || engagement.again == true
            return false
        }
        let wasEmpty = waiting.isEmpty
        if members.insert(id).inserted { waiting.append(source) }
        invariant(members.count == waiting.count, "a source waits twice to be shipped")
        guard isUrgentMark, urgent.insert(id).inserted else { return wasEmpty }
        // It does not wait for a round of its own.
        if round.isOpen { round.toAsk = waiting.count }
        return true
    }

    /// - Parameter changeset: `nil` when it has nothing.
    /// - Returns: whether it came too late for the bundle it was asked for.
    mutating func answered(_ source: any Shippable, _ changeset: CutChangeset?, at now: Duration) -> Bool {
        let id = ObjectIdentifier(source)
        guard let engagement = engaged[id] else { brokenInvariant("a source answers that was not asked") }
        let askedAt = asked.firstIndex(where: { $0.source == id }).map { asked.remove(at: $0).at }
        let isInTime = askedAt.map { now < $0 + settings.cutPatience } ?? false
        let isLate = engagement.round != round.number || !round.isOpen || round.isFollowedUp && shipments.isEmpty && !isInTime
        if !isLate { round.unanswered -= 1 }
        guard let changeset else {
            release(id)
            return false
        }
        let shipment = Shipment(source: source, changeset: changeset)
        waitingBytes += shipment.sizeInMemory
        if databases.insert(shipment.database).inserted { enqueue(shipment, at: now) } else { blocked[shipment.database, default: []].append(shipment) }
        hasUrgentCut = hasUrgentCut || (isLate && engagement.isUrgent)
        return isLate
    }

    /// A bundle takes no place any more: its outcome is known, or what it holds is tried alone.
    mutating func left(_ load: Load) {
        if load.isLarge { largeBundlesUnderWay -= 1 } else { bundlesUnderWay -= 1 }
        invariant(bundlesUnderWay >= 0 && largeBundlesUnderWay >= 0, "a bundle arrives twice")
    }

    /// The outcome of its changeset is known, and the source has heard of it.
    ///
    /// - Returns: whether there may be something to do now.
    mutating func told(_ shipment: Shipment, at now: Duration) -> Bool {
        let wasOwn = databases.remove(shipment.database) != nil
        invariant(wasOwn, "an outcome of a changeset that was not under way")
        let wasEmpty = waiting.isEmpty
        release(ObjectIdentifier(shipment.source))
        guard let next = blocked[shipment.database]?.first else { return wasEmpty != waiting.isEmpty || isUrgent }
        blocked[shipment.database]?.removeFirst()
        if blocked[shipment.database]?.isEmpty == true { blocked[shipment.database] = nil }
        databases.insert(next.database)
        enqueue(next, at: now)
        return true
    }

    private mutating func release(_ id: ObjectIdentifier) {
        guard let engagement = engaged.removeValue(forKey: id) else { brokenInvariant("a source is told what it did not ask for") }
        guard let again = engagement.again else { return }
        _ = mark(engagement.source, urgent: again)
    }

    private mutating func enqueue(_ shipment: Shipment, at now: Duration) {
        if shipment.isInFile || shipment.size > settings.largeChangesetBytes {
            largeShipments.append(shipment)
        } else {
            shipments.append(shipment)
            cutBytes += shipment.size
            if round.firstThere == nil { round.firstThere = now }
        }
    }

    // MARK: What is to be done

    mutating func next(at now: Duration) -> Step {
        if largeBundlesUnderWay < settings.parallelLargeBundles, let shipment = largeShipments.popFirst() {
            largeBundlesUnderWay += 1
            waitingBytes -= shipment.sizeInMemory
            return .send(Load(shipments: [shipment], isLarge: true))
        }
        if mayBegin, isUrgent || (pace.map { $0 <= now } ?? true) { begin(at: now) }
        asked.removeAll { $0.at + settings.cutPatience <= now }
        let sources = takeThoseToAsk(at: now)
        if !sources.isEmpty { return .ask(sources) }
        if mayClose, closing <= now { return .send(takeBundle(at: now)) }
        if round.toAsk == 0, shipments.isEmpty, round.unanswered == 0 || round.isFollowedUp && asked.isEmpty { round.isOpen = false }
        return .wait(until: nextMoment)
    }

    /// When the next round is due.
    private var pace: Duration? { round.began.map { $0 + settings.interval } }

    /// There is something for a new round, and the present one has come as far as it gets: of those asked nobody has answered.
    private var mayBegin: Bool {
        bundlesUnderWay < settings.parallelBundles && (!waiting.isEmpty || !shipments.isEmpty) && round.toAsk == 0
            && (shipments.isEmpty || !round.isOpen)
    }

    private mutating func begin(at now: Duration) {
        round = Round(number: round.number + 1, began: now, toAsk: waiting.count, firstThere: shipments.isEmpty ? nil : now, lastAsked: now, isOpen: true)
        hasUrgentCut = false
    }

    private var mayAsk: Bool { round.toAsk > 0 && waitingBytes < settings.maximumWaitingBytes }

    private mutating func takeThoseToAsk(at now: Duration) -> [any Shippable] {
        guard mayAsk else { return [] }
        var sources: [any Shippable] = []
        while round.toAsk > 0, asked.count < settings.parallelCuts, let source = waiting.popFirst() {
            let id = ObjectIdentifier(source)
            members.remove(id)
            round.toAsk -= 1
            round.unanswered += 1
            round.lastAsked = now
            invariant(engaged[id] == nil, "a source is asked again before it was told the outcome")
            engaged[id] = Engagement(source: source, round: round.number, isUrgent: urgent.remove(id) != nil)
            asked.append((id, now))
            sources.append(source)
        }
        return sources
    }

    private var mayClose: Bool { round.isOpen && !shipments.isEmpty && bundlesUnderWay < settings.parallelBundles }

    /// When a bundle is made of what is there: at once when it is full or nobody is waited for.
    private var closing: Duration {
        guard let firstThere = round.firstThere else { brokenInvariant("changesets wait since nobody knows when") }
        if cutBytes >= settings.maximumBundleBytes || (round.toAsk == 0 && round.unanswered == 0) || (round.toAsk > 0 && !mayAsk) {
            return firstThere
        }
        let patience = max(firstThere, round.lastAsked) + settings.cutPatience
        return round.toAsk == 0 ? min(patience, firstThere + settings.interval) : firstThere + settings.interval
    }

    private mutating func takeBundle(at now: Duration) -> Load {
        var load: [Shipment] = []
        var size = 0
        while size < settings.maximumBundleBytes, let shipment = shipments.popFirst() {
            size += shipment.size
            load.append(shipment)
        }
        cutBytes -= size
        waitingBytes -= size
        invariant(cutBytes >= 0 && (cutBytes == 0) == shipments.isEmpty, "what waits for a bundle is not counted right")
        invariant(Set(load.map(\.database)).count == load.count, "a database is in one bundle twice")
        bundlesUnderWay += 1
        round.firstThere = shipments.isEmpty ? nil : now
        // Those that have not answered are late.
        if shipments.isEmpty, round.toAsk == 0 {
            let isFull = size >= settings.maximumBundleBytes
            round.isFollowedUp = isFull && round.unanswered > 0 && !asked.isEmpty
            round.isOpen = round.isFollowedUp
        }
        if shipments.isEmpty { hasUrgentCut = false }
        return Load(shipments: load, isLarge: false)
    }

    /// When time alone makes something to do.
    private var nextMoment: Duration? {
        var moments: [Duration] = []
        if mayBegin, let pace { moments.append(pace) }
        if mayClose { moments.append(closing) }
        if mayAsk, let first = asked.first { moments.append(first.at + settings.cutPatience) }
        return moments.min()
    }
}
