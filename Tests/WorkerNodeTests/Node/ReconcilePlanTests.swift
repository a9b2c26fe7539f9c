import BerthTestKit
import FleetModel
import FleetStore
import Leases
import Testing

@testable import WorkerNode

/// What a node decides to do, without a node.
@Suite struct ReconcilePlanTests {
    private let mine = SessionID.random()
    private let other = SessionID.random()
    private let ids = (0..<6).map { _ in DatabaseID.random() }

    private static let limits = ReconcilePlan.Limits(
        acquireBatch: 2, preparations: 2, handovers: 2, unableToServe: .seconds(30), fullLook: .seconds(2))
    private var plan = ReconcilePlan(limits: limits)

    private func wanted(_ database: DatabaseID, heldBy session: SessionID? = nil, isPrepared: Bool = false) -> Assignment {
        Assignment(database: database, engine: .sqlite, heldBy: session, epoch: Epoch(1), head: .origin, isPrepared: isPrepared)
    }

    private func misplaced(_ database: DatabaseID) throws -> Handover {
        Handover(database: database, placedOn: try NodeName("node-b"), successor: other)
    }

    private func lease(_ database: DatabaseID) -> Lease { Lease(database: database, session: mine, epoch: Epoch(1), head: .origin) }

    private mutating func decide(
        _ sight: ReconcilePlan.Sight, at now: Duration = .zero, leading led: [DatabaseID] = []
    ) -> [ReconcilePlan.Decision] {
        plan.decide(on: sight, at: now) { led.contains($0) ? .led : .nothing }
    }

    private mutating func look(at now: Duration) -> ReconcilePlan.Look { plan.look(at: now) }

    @Test mutating func whatIsFreeIsAcquiredInBatchesAndTheRestIsPrepared() {
        let decisions = decide(.wanted([wanted(ids[0]), wanted(ids[1], heldBy: other), wanted(ids[2]), wanted(ids[3]), wanted(ids[4], heldBy: other, isPrepared: true)]))
        #expect(decisions == [.acquire([ids[0], ids[2]]), .acquire([ids[3]]), .prepare(wanted(ids[1], heldBy: other))])
    }

    @Test mutating func noMoreIsPreparedAtATimeThanMayBeAndAFailureWaits() {
        let all = ids.map { wanted($0, heldBy: other) }
        var decisions = decide(.wanted(all))
        #expect(decisions == [.prepare(all[0]), .prepare(all[1])])
        plan.prepared(ids[0], succeeded: false, at: .zero)
        decisions = decide(.wanted(all))
        #expect(decisions == [.prepare(all[2])], "another one has its place")
        plan.prepared(ids[2], succeeded: true, at: .zero)
        decisions = decide(.wanted(all), at: .seconds(1))
        #expect(decisions == [.prepare(all[0])])
    }

    /// It may have come free, and whoever hands it over does not know yet.
    @Test mutating func nothingIsDecidedOfWhatIsBeingHandedOver() throws {
        let (database, led) = (ids[0], [ids[0]])
        let handover = ReconcilePlan.Decision.handOver(database, to: other, copy: nil)
        var decisions = decide(.misplaced([try misplaced(database)]), leading: led)
        #expect(decisions == [handover])
        for sight: ReconcilePlan.Sight in [
            .misplaced([try misplaced(database)]), .wanted([wanted(database)]), .leases(held: [], among: [database]), .leases(held: [lease(database)], among: []),
            .unable([database: .seconds(60)]), .awaited([database]), .accepted([database: 1]),
        ] {
            decisions = decide(sight, leading: led)
            #expect(decisions.isEmpty)
        }
        plan.handedOver(database, hasLeft: false, at: .zero)
        decisions = decide(.misplaced([try misplaced(database)]), leading: led)
        #expect(decisions.isEmpty, "not at once")
        decisions = decide(.misplaced([try misplaced(database)]), at: .seconds(1), leading: led)
        #expect(decisions == [handover])
    }

    @Test mutating func anOldReadingIsNotBelievedOfWhatWasHandedOver() throws {
        _ = look(at: .zero)
        _ = decide(.misplaced([try misplaced(ids[0])]), leading: [ids[0]])
        plan.handedOver(ids[0], hasLeft: true, at: .zero)
        let held = [lease(ids[0]), lease(ids[1])]
        var decisions = decide(.leases(held: held, among: []))
        #expect(decisions == [.serve([held[1]])])
        // Read since: it came back.
        _ = look(at: .seconds(1))
        decisions = decide(.leases(held: held, among: []), leading: [ids[1]])
        #expect(decisions == [.serve([held[0]])])
    }

    @Test mutating func whatIsNotHeldIsReadOnceMoreAndLetGoOf() {
        let decisions = decide(.leases(held: [lease(ids[0])], among: [ids[0], ids[1], ids[2]]), leading: [ids[0], ids[1]])
        #expect(decisions == [.verify(ids[1])])
    }

    @Test mutating func whatWasGivenUpIsLeftAloneForAWhile() {
        var decisions = decide(.unable([ids[0]: .seconds(29), ids[1]: .seconds(30)]), leading: [ids[0], ids[1]])
        #expect(decisions == [.giveUp([ids[1]])])
        plan.gaveUp(ids[1], at: .zero)
        decisions = decide(.wanted([wanted(ids[1])]), at: .seconds(29))
        #expect(decisions.isEmpty)
        decisions = decide(.wanted([wanted(ids[1])]), at: .seconds(30))
        #expect(decisions == [.acquire([ids[1]])])
    }

    @Test mutating func onlySuspectsAreReadAndNowAndThenEverything() {
        var looks = [look(at: .zero)]
        plan.suspect([ids[0]])
        looks.append(look(at: .seconds(1)))
        looks.append(look(at: .seconds(1)))
        plan.suspect([ids[1]])
        plan.lookFailed(.leases([ids[0]]))
        looks.append(look(at: .seconds(1)))
        looks.append(look(at: .seconds(2)))
        plan.lookFailed(.everything)
        looks.append(look(at: .seconds(2)))
        plan.suspect(nil)
        looks.append(look(at: .seconds(2)))
        #expect(looks == [.everything, .leases([ids[0]]), .leases([]), .leases([ids[0], ids[1]]), .everything, .everything, .everything])
    }

    /// However many leases a lost reply leaves behind.
    @Test mutating func noMoreIsOpenedAtATimeThanMayBe() {
        var opened = plan.open(ids)
        #expect(opened == [.open(ids[0]), .open(ids[1])])
        var again = decide(.awaited(ids), leading: ids)
        #expect(again.isEmpty, "in line already")
        for number in 0..<6 {
            opened = plan.opened(ids[number])
            #expect(opened == (number < 4 ? [.open(ids[number + 2])] : []))
        }
        again = decide(.awaited([ids[3]]), leading: ids)
        #expect(again == [.open(ids[3])])
    }

    // MARK: Any fleet

    /// Of everything that a node may see and have, once it was acted on nothing is left to do.
    @Test(arguments: 0..<300) func whatIsPlannedAndDoneIsNotPlannedAgain(_ seed: UInt64) throws {
        var world = try PlannedWorld(seed: seed, limits: .init(acquireBatch: 3, preparations: 99, handovers: 99, unableToServe: .seconds(30), fullLook: .zero))
        _ = try world.round()
        world.endEverything(succeeding: true)
        let left = try world.round()
        #expect(left.isEmpty)
    }

    /// In whatever order, and with whatever outcome, things end.
    @Test(arguments: 0..<300) func noPlanDoesAnythingTwiceOrTooMuchAtATime(_ seed: UInt64) throws {
        var world = try PlannedWorld(seed: seed, limits: Self.limits)
        for _ in 0..<12 {
            _ = try world.round()
            world.endSomething()
            world.change()
        }
        // Left alone, it comes to rest, whatever happened before.
        for _ in 0..<60 where try !world.round().isEmpty || world.isBusy { world.endEverything(succeeding: true) }
        let left = try world.round()
        #expect(left.isEmpty)
    }
}

/// What a plan is about: leases, placements, and what the node has; and what it decided that is under way.
private struct PlannedWorld {
    private struct Database {
        var holder: SessionID?
        var isPlacedHere: Bool
        var isPrepared = false
        var hasSuccessor: Bool
        var standing: ReconcilePlan.Standing
        var unableFor = Duration.zero
        var isAwaited: Bool
        var isAccepted: Bool
    }

    private let mine = SessionID.random()
    private let other = SessionID.random()
    private var random: SeededGenerator
    private var plan: ReconcilePlan
    private var databases: [DatabaseID: Database] = [:]
    private var now = Duration.zero
    private var preparing: Set<DatabaseID> = []
    private var handingOver: Set<DatabaseID> = []
    private var opening: Set<DatabaseID> = []

    var isBusy: Bool { !preparing.isEmpty || !handingOver.isEmpty || !opening.isEmpty }

    init(seed: UInt64, limits: ReconcilePlan.Limits) throws {
        random = SeededGenerator(seed: seed)
        plan = ReconcilePlan(limits: limits)
        for _ in 0..<Int.random(in: 1...12, using: &random) { databases[.random()] = make() }
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func make() -> Database {
        let standing: ReconcilePlan.Standing = [.nothing, .led, .lost][Int.random(in: 0..<3, using: &random)]
        return Database(
            holder: [nil, mine, other][Int.random(in: 0..<3, using: &random)], isPlacedHere: chance(50), isPrepared: chance(30), hasSuccessor: chance(70),
            standing: standing, unableFor: standing == .led && chance(20) ? .seconds(40) : .zero, isAwaited: chance(20), isAccepted: chance(10))
    }

    /// Somebody else does something.
    mutating func change() {
        for id in databases.keys.sorted() where chance(20) && !handingOver.contains(id) {
            databases[id]?.holder = [nil, mine, other][Int.random(in: 0..<3, using: &random)]
            databases[id]?.isPlacedHere.toggle()
            databases[id]?.isPrepared = false
        }
        now += .milliseconds(Int.random(in: 0..<5_000, using: &random))
    }

    // MARK: One round

    mutating func round() throws -> [ReconcilePlan.Decision] {
        let ordered = databases.sorted { $0.key < $1.key }
        var all = try act(on: .wanted(ordered.filter { $0.value.isPlacedHere && $0.value.holder != mine }.map(assignment)))
        let look = plan.look(at: now)
        let held = databases.filter { $0.value.holder == mine }.keys.sorted()
        switch look {
        case .everything: all += try act(on: .leases(held: held.map(lease), among: Set(databases.filter { $0.value.standing != .nothing }.keys)))
        case .leases(let suspects): all += try act(on: .leases(held: held.filter(suspects.contains).map(lease), among: suspects))
        }
        let node = try NodeName("node-b")
        all += try act(on: .misplaced(databases.sorted { $0.key < $1.key }.filter { $0.value.holder == mine && !$0.value.isPlacedHere }.map {
            Handover(database: $0.key, placedOn: node, successor: $0.value.hasSuccessor ? other : nil)
        }))
        all += try act(on: .unable(databases.mapValues(\.unableFor).filter { $0.value > .zero }))
        all += try act(on: .awaited(databases.filter { $0.value.isAwaited && $0.value.holder == mine }.keys.sorted()))
        all += try act(on: .accepted(databases.filter { $0.value.isAccepted }.mapValues { _ in 1 }))
        return all
    }

    private func assignment(_ database: (key: DatabaseID, value: Database)) -> Assignment {
        Assignment(database: database.key, engine: .sqlite, heldBy: database.value.holder, epoch: Epoch(1), head: .origin, isPrepared: database.value.isPrepared)
    }

    private func lease(_ database: DatabaseID) -> Lease { Lease(database: database, session: mine, epoch: Epoch(1), head: .origin) }

    private mutating func act(on sight: ReconcilePlan.Sight) throws -> [ReconcilePlan.Decision] {
        let databases = databases
        let decisions = plan.decide(on: sight, at: now) { databases[$0]?.standing ?? .nothing }
        let named = decisions.flatMap(\.databases)
        #expect(Set(named).count == named.count, "decided twice: \(decisions)")
        #expect(handingOver.isDisjoint(with: named), "it is being handed over: \(decisions)")
        for decision in decisions { carryOut(decision) }
        #expect(preparing.count <= plan.limits.preparations && handingOver.count <= plan.limits.handovers && opening.count <= plan.limits.preparations)
        return decisions
    }

    private mutating func carryOut(_ decision: ReconcilePlan.Decision) {
        switch decision {
        case .acquire(let ids):
            #expect(ids.count <= plan.limits.acquireBatch)
            for id in ids {
                #expect(databases[id]?.holder == nil, "it is another's")
                databases[id]?.holder = mine
                begin(id)
            }
        case .serve(let leases):
            for lease in leases {
                #expect(databases[lease.database]?.standing != .led, "it is led already")
                begin(lease.database)
            }
        case .verify(let id):
            #expect(databases[id]?.standing != .nothing)
            if databases[id]?.holder != mine { end(id) }
        case .prepare(let assignment): #expect(preparing.insert(assignment.database).inserted)
        case .handOver(let id, _, _): #expect(handingOver.insert(id).inserted)
        case .giveUp(let ids):
            for id in ids {
                if databases[id]?.holder == mine { databases[id]?.holder = nil }
                end(id)
                plan.gaveUp(id, at: now)
            }
        case .open(let id): #expect(opening.insert(id).inserted)
        case .accept(let id, _): databases[id]?.isAccepted = false
        }
    }

    private mutating func begin(_ id: DatabaseID) {
        databases[id]?.standing = .led
        databases[id]?.unableFor = .zero
    }

    private mutating func end(_ id: DatabaseID) {
        databases[id]?.standing = .nothing
        databases[id]?.unableFor = .zero
    }

    // MARK: How it ends

    mutating func endSomething() {
        for id in preparing.sorted() where chance(50) { endPreparing(id, succeeded: chance(50)) }
        for id in handingOver.sorted() where chance(50) { endHandover(id, hasLeft: chance(50)) }
        for id in opening.sorted() where chance(50) { endOpening(id) }
    }

    mutating func endEverything(succeeding: Bool) {
        for id in preparing { endPreparing(id, succeeded: succeeding) }
        for id in handingOver { endHandover(id, hasLeft: succeeding) }
        while let id = opening.first { endOpening(id) }
        // What failed is tried again.
        if plan.limits.fullLook > .zero { now += .seconds(31) }
    }

    private mutating func endPreparing(_ id: DatabaseID, succeeded: Bool) {
        preparing.remove(id)
        databases[id]?.isPrepared = succeeded
        plan.prepared(id, succeeded: succeeded, at: now)
    }

    private mutating func endHandover(_ id: DatabaseID, hasLeft: Bool) {
        handingOver.remove(id)
        if hasLeft {
            databases[id]?.holder = other
            end(id)
        }
        plan.handedOver(id, hasLeft: hasLeft, at: now)
    }

    private mutating func endOpening(_ id: DatabaseID) {
        opening.remove(id)
        databases[id]?.isAwaited = false
        for decision in plan.opened(id) { carryOut(decision) }
    }
}

extension ReconcilePlan.Decision {
    fileprivate var databases: [DatabaseID] {
        switch self {
        case .acquire(let ids), .giveUp(let ids): ids
        case .serve(let leases): leases.map(\.database)
        case .prepare(let assignment): [assignment.database]
        case .verify(let id), .open(let id), .handOver(let id, _, _), .accept(let id, _): [id]
        }
    }
}
