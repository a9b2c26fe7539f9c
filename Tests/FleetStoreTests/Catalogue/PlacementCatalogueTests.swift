import BerthTestKit
import Changesets
import FleetModel
@testable import FleetStore
import Leases
import Testing

/// Intent against fact: who is to lead what, and what follows from the difference.
@Suite(.timeLimit(.minutes(2)))
struct PlacementCatalogueTests {
    // MARK: Writing intents

    @Test func placingWritesOnlyWhatWasDecidedOnTheNewestView() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        for node in ["node-1", "node-2", "node-3"] { try await stage.node(node) }
        let (moved, elsewhere) = (
            try await stage.makeDatabase("a", on: "node-1"), try await stage.makeDatabase("b", on: "node-2")
        )
        let (one, two, three) = (try NodeName("node-1"), try NodeName("node-2"), try NodeName("node-3"))
        let changed = try await stage.catalogue.place(
            [(moved, one, three), (elsewhere, one, three), (.random(), one, three)], under: term)
        #expect(changed == [moved])
        #expect(try await stage.placement(moved) == "node-3")
        #expect(try await stage.placement(elsewhere) == "node-2")
        #expect(try await stage.catalogue.place([(elsewhere, two, one), (moved, three, one)], under: term) == [moved, elsewhere])
        #expect(try await stage.catalogue.place([], under: term) == [])
    }

    @Test func aTermThatIsOverWritesNothing() async throws {
        let stage = try await CatalogueStage()
        let stale = try await stage.staleTerm()
        try await stage.node("node-1")
        try await stage.node("node-2")
        let id = try await stage.makeDatabase("a", on: "node-1")
        let (one, two) = (try NodeName("node-1"), try NodeName("node-2"))
        let operation = try await stage.catalogue.createOperation(.drain, node: one)
        for term in [stale, ManagerTerm(session: .random(), term: stale.term.next), ManagerTerm(session: stale.session, term: stale.term.next)] {
            #expect(try await stage.catalogue.place([(id, one, two)], under: term) == [])
            #expect(try await stage.catalogue.tombstone(["bundles/x"], under: term) == [])
            #expect(try await !stage.catalogue.update(operation.id, state: .running, done: 1, total: 2, under: term))
        }
        #expect(try await stage.placement(id) == "node-1")
        #expect(try await stage.catalogue.operation(operation.id) == operation)
    }

    /// The term is looked at in its locked row: an intent that waits behind a change of term is not written.
    @Test func anIntentBehindAChangeOfTermIsNotWritten() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        try await stage.node("node-1")
        try await stage.node("node-2")
        let id = try await stage.makeDatabase("a", on: "node-1")
        let (one, two) = (try NodeName("node-1"), try NodeName("node-2"))
        let waiting = FleetCatalogue(
            pool: PostgresPool(url: stage.database.url, size: 1, applicationName: "late", timeout: .seconds(60), logger: .silent))
        let race = HeldRow(LeaseStage(stage.database))
        let placed = try await race.hold(
            "update leases set epoch = epoch + 1 where database = $1", [.id(DatabaseID.managerLease)]
        ) { _ in
            let placed = Task { try await waiting.place([(id, one, two)], under: term) }
            try await race.waits("late")
            return placed
        }
        #expect(try await placed.value == [])
        #expect(try await stage.placement(id) == "node-1")
        let next = ManagerTerm(session: term.session, term: term.term.next)
        #expect(try await waiting.place([(id, one, two)], under: next) == [id])
    }

    /// And the other way round: whoever takes the lead waits for intents under way, so it reads them.
    @Test func aTakeoverWaitsForAnIntentUnderWay() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        try await stage.node("node-1")
        try await stage.node("node-2")
        let id = try await stage.makeDatabase("a", on: "node-1")
        let (one, two) = (try NodeName("node-1"), try NodeName("node-2"))
        let writer = FleetCatalogue(
            pool: PostgresPool(url: stage.database.url, size: 1, applicationName: "writer", timeout: .seconds(60), logger: .silent))
        let successor = try LeaseFixture.session("manager-2", role: .manager)
        try await stage.leases.openSession(successor)
        try await stage.end(term.session)
        let race = HeldRow(LeaseStage(stage.database))
        let (placed, lead) = try await race.hold("select 1 from placements where database = $1 for update", [.id(id)]) { _ in
            let placed = Task { try await writer.place([(id, one, two)], under: term) }
            try await race.waits("writer")
            let store = stage.database.leaseStore("successor")
            let lead = Task { () -> (String, [Lease]) in
                let leases = try await store.acquire([.managerLease], for: successor.id)
                return (try await stage.placement(id), leases)
            }
            try await race.waits("successor")
            return (placed, lead)
        }
        #expect(try await placed.value == [id])
        let (seen, leases) = try await lead.value
        #expect(seen == "node-2")
        #expect(leases.map(\.session) == [successor.id])
    }

    @Test func placingElsewhereForgetsWhoWasPrepared() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        let (one, two) = (try await stage.node("node-1"), try await stage.node("node-2"))
        try await stage.node("node-3")
        let id = try await stage.ledDatabase("a", on: "node-2", by: one)
        try await stage.catalogue.declarePrepared([(id, .random())], on: try NodeName("node-2"), session: two)
        #expect(try await stage.catalogue.handovers(from: try NodeName("node-1"), session: one).map(\.successor) == [two])
        #expect(try await stage.catalogue.place([(id, try NodeName("node-2"), try NodeName("node-3"))], under: term) == [id])
        let handovers = try await stage.catalogue.handovers(from: try NodeName("node-1"), session: one)
        let placedOn = try NodeName("node-3")
        #expect(handovers == [Handover(database: id, placedOn: placedOn, successor: nil, copy: nil)])
    }

    // MARK: What a manager asks

    @Test func orphansAreThoseNobodyWillTake() async throws {
        let stage = try await CatalogueStage()
        var sessions: [String: SessionID] = [:]
        for node in ["alive", "other", "dead", "stopped"] { sessions[node] = try await stage.node(node) }
        func led(_ name: String, on node: String, by leader: String) async throws -> DatabaseID {
            try await stage.ledDatabase(name, on: node, by: try #require(sessions[leader]))
        }
        let crashed = try await led("crashed", on: "dead", by: "dead")
        _ = try await led("served", on: "alive", by: "alive")
        // Moving away from the dead node: the target is alive and takes it.
        _ = try await led("moving-to-alive", on: "alive", by: "dead")
        // Moving from one dead node to another.
        let movingToDead = try await led("moving-to-stopped", on: "stopped", by: "dead")
        // Moving to the dead node: its leader lives, so it is stranded, not orphaned.
        let stranded = try await led("moving-to-dead", on: "dead", by: "alive")
        // Never led or released: only an absence makes it an orphan.
        let unled = try await stage.makeDatabase("unled", on: "stopped")
        let unledAlive = try await stage.makeDatabase("unled-alive", on: "alive")
        for node in ["dead", "stopped"] { try await stage.end(try #require(sessions[node])) }

        func orphans(_ absent: [String], limit: Int = 100) async throws -> [DatabaseID: String] {
            let found = try await stage.catalogue.orphans(absent: try absent.map { try NodeName($0) }, limit: limit)
            #expect(found.map(\.database) == found.map(\.database).sorted())
            return Dictionary(uniqueKeysWithValues: found.map { ($0.database, $0.placedOn.description) })
        }
        #expect(try await orphans([]) == [crashed: "dead", movingToDead: "stopped"])
        #expect(try await orphans(["dead", "stopped"]) == [crashed: "dead", movingToDead: "stopped", unled: "stopped"])
        #expect(try await orphans(["dead", "stopped"], limit: 2).count == 2)

        let strandedNow = try await stage.catalogue.stranded(on: [try NodeName("dead"), try NodeName("stopped")], limit: 10)
        #expect(strandedNow.map(\.database) == [stranded])
        #expect(strandedNow.map(\.placedOn.description) == ["dead"] && strandedNow.map(\.leader.description) == ["alive"])
        #expect(try await stage.catalogue.stranded(on: [try NodeName("alive")], limit: 10).isEmpty)
        #expect(try await stage.catalogue.stranded(on: [], limit: 10).isEmpty)

        // The dead node is back: what its dead session led is still an orphan, because it may die again …
        sessions["dead"] = try await stage.node("dead")
        #expect(try await orphans([]) == [crashed: "dead", movingToDead: "stopped"])
        // … until somebody leads it.
        _ = try await stage.leases.acquire([crashed], for: try #require(sessions["dead"]))
        #expect(try await orphans([]) == [movingToDead: "stopped"])
        // A manager's session does not make its node one that leads databases.
        try await stage.leases.openSession(try LeaseFixture.session("stopped", role: .manager))
        #expect(try await orphans([]) == [movingToDead: "stopped"])
        #expect(try await orphans(["alive"])[unledAlive] == "alive")

        // A node that gave a lease up because it cannot serve says so; what it does not hold the placement of stays.
        try await stage.catalogue.decline([unledAlive, unled], on: try NodeName("alive"))
        #expect(try await orphans([]) == [movingToDead: "stopped", unledAlive: "alive"])
    }

    @Test func whatADrainLooksAt() async throws {
        let stage = try await CatalogueStage()
        let (one, two) = (try await stage.node("node-1"), try await stage.node("node-2"))
        let ids = [
            "led-and-placed": try await stage.ledDatabase("a", on: "node-1", by: one),
            "leaving": try await stage.ledDatabase("b", on: "node-2", by: one),
            "coming": try await stage.ledDatabase("c", on: "node-1", by: two),
            "unled": try await stage.makeDatabase("d", on: "node-1"),
            "not here": try await stage.ledDatabase("e", on: "node-2", by: two),
        ]
        func here(limit: Int = 10) async throws -> [DatabaseID: String] {
            let rows = try await stage.catalogue.databases(on: try NodeName("node-1"), limit: limit)
            return Dictionary(uniqueKeysWithValues: rows.map { ($0.database, $0.placedOn.description) })
        }
        let all = try await here()
        #expect(Set(all.keys) == Set(ids.filter { $0.key != "not here" }.values))
        let (leaving, coming) = (try #require(ids["leaving"]), try #require(ids["coming"]))
        #expect(all[leaving] == "node-2" && all[coming] == "node-1")
        #expect(try await here(limit: 2).count == 2)
        // What a dead session led is not led any more.
        try await stage.end(one)
        #expect(try await here()[leaving] == nil)
    }

    // MARK: What a node asks

    /// Known as long as the database lives, also when it was placed elsewhere since, unless by another operation.
    @Test func whatAnOperationPlacedIsKnown() async throws {
        let stage = try await CatalogueStage()
        let (one, two) = (try NodeName("node-1"), try NodeName("node-2"))
        _ = (try await stage.node("node-1"), try await stage.node("node-2"))
        let (first, second) = (try await stage.makeDatabase("first", on: "node-1"), try await stage.makeDatabase("second", on: "node-1"))
        let term = try await stage.term()
        let (drain, other) = (OperationID.random(), OperationID.random())
        #expect(try await stage.catalogue.placed(by: drain) == [])
        #expect(try await stage.catalogue.place([(first, one, two), (second, two, one)], by: drain, under: term) == [first])
        #expect(try await stage.catalogue.placed(by: drain) == [first], "the second was not where it was said to be")
        #expect(try await stage.catalogue.place([(first, two, one)], under: term) == [first])
        #expect(try await stage.catalogue.placed(by: drain) == [first])
        #expect(try await stage.catalogue.place([(first, one, two)], by: other, under: term) == [first])
        #expect(try await stage.catalogue.placed(by: drain) == [])
        #expect(try await stage.catalogue.placed(by: other) == [first])
    }

    @Test func assignmentsAreWhatIsPlacedHereAndNotHeld() async throws {
        let stage = try await CatalogueStage()
        let (one, two) = (try await stage.node("node-1"), try await stage.node("node-2"))
        let free = try await stage.makeDatabase("free", on: "node-1")
        _ = try await stage.ledDatabase("held", on: "node-1", by: one)
        let coming = try await stage.ledDatabase("coming", on: "node-1", by: two)
        try await stage.makeDatabase("elsewhere", on: "node-2")
        let node = try NodeName("node-1")
        let entry = LeaseFixture.next(on: try #require(try await stage.leases.leases(of: [coming]).first))
        #expect(try await stage.leases.publish(LeaseFixture.publication([entry], by: two)) == [coming])

        func assignments() async throws -> [Assignment] {
            try await stage.catalogue.assignments(to: node, session: one).sorted { $0.database < $1.database }
        }
        var expected = [
            Assignment(database: free, engine: .sqlite, heldBy: nil, epoch: Epoch(0), head: .origin, isPrepared: false),
            Assignment(database: coming, engine: .sqlite, heldBy: two, epoch: Epoch(1), head: entry.endPosition, isPrepared: false),
        ].sorted { $0.database < $1.database }
        #expect(try await assignments() == expected)

        try await stage.catalogue.declarePrepared([(coming, .random()), (free, .random())], on: node, session: one)
        for index in expected.indices { expected[index].isPrepared = true }
        #expect(try await assignments() == expected)
        // The next life of the node has prepared nothing.
        let again = try await stage.node("node-1")
        #expect(try await stage.catalogue.assignments(to: node, session: again).allSatisfy { !$0.isPrepared })

        try await stage.end(two)
        #expect(try await assignments().allSatisfy { $0.heldBy == nil })
    }

    @Test func handoversNameASuccessorOnlyWhenItIsReady() async throws {
        let stage = try await CatalogueStage()
        let (one, two) = (try await stage.node("node-1"), try await stage.node("node-2"))
        _ = try await stage.ledDatabase("staying", on: "node-1", by: one)
        let leaving = try await stage.ledDatabase("leaving", on: "node-2", by: one)
        let (from, to) = (try NodeName("node-1"), try NodeName("node-2"))
        let copy = CopyID.random()
        func handovers() async throws -> [Handover] { try await stage.catalogue.handovers(from: from, session: one) }
        let unprepared = Handover(database: leaving, placedOn: to, successor: nil, copy: nil)
        #expect(try await handovers() == [unprepared])
        // Only the node the database is placed on may say so.
        try await stage.catalogue.declarePrepared([(leaving, copy)], on: from, session: one)
        #expect(try await handovers() == [unprepared])
        try await stage.catalogue.declarePrepared([(leaving, copy)], on: to, session: two)
        #expect(try await handovers() == [Handover(database: leaving, placedOn: to, successor: two, copy: copy)])
        #expect(try await stage.catalogue.handovers(from: from, session: .random()).isEmpty)
        // A successor whose session is over or doomed is none.
        try await stage.leases.revokeSession(two)
        #expect(try await handovers().map(\.successor) == [nil])
        let again = try await stage.node("node-2")
        try await stage.catalogue.declarePrepared([(leaving, copy)], on: to, session: again)
        #expect(try await handovers().map(\.successor) == [again])
        try await stage.end(again)
        #expect(try await handovers().map(\.successor) == [nil])
    }

    // MARK: Hints

    @Test func whoeverIsConcernedIsTold() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        let listener = PostgresListener(
            url: stage.database.url, channels: [StoreHint.channel], applicationName: "listener", logger: .silent)
        var hints = await listener.notifications().makeAsyncIterator()
        #expect(await hints.next() == .listening)
        func next() async -> StoreHint? {
            guard case .message(_, let payload) = await hints.next() else { return nil }
            return StoreHint(payload: payload)
        }
        let (n1, n2) = (try NodeName("node-1"), try NodeName("node-2"))
        let one = try await stage.node("node-1")
        #expect(await next() == .sessions)
        let two = try await stage.node("node-2")
        #expect(await next() == .sessions)
        let id = try await stage.makeDatabase("a", on: "node-1")
        #expect(await next() == .placements([n1]))
        _ = try await stage.leases.acquire([id], for: one)
        #expect(await next() == .leases([id]))
        try await stage.catalogue.place([(id, n1, n2)], under: term)
        #expect(await next() == .placements([n1, n2]))
        try await stage.catalogue.declarePrepared([(id, .random())], on: n2, session: two)
        #expect(await next() == .placements([n1]))
        #expect(try await stage.leases.transfer(LeaseClaim(database: id, epoch: Epoch(1), headSeq: 0), from: one, to: two, copy: nil))
        #expect(await next() == .leases([id]))
        #expect(try await stage.leases.release([LeaseClaim(database: id, epoch: Epoch(2), headSeq: 0)], by: two) == [id])
        #expect(await next() == .leases([id]))
        let operation = try await stage.catalogue.createOperation(.drain, node: n1)
        #expect(await next() == .operations)
        _ = try await stage.catalogue.requestCancel(operation.id)
        #expect(await next() == .operations)
        try await stage.catalogue.update(operation.id, state: .cancelled, done: 0, total: 0, under: term)
        #expect(await next() == .operations)
        #expect(try await stage.leases.endSession(two, seen: 0, reason: "test"))
        #expect(await next() == .sessions)
        // What changes nothing tells nobody: the next hint is that of the last line.
        _ = try await stage.leases.acquire([id], for: two)
        try await stage.catalogue.place([(id, n1, n2)], under: term)
        #expect(try await !stage.leases.endSession(two, seen: 0, reason: "test"))
        // More than a hundred at once are not named one by one.
        let many = (0..<101).map { _ in DatabaseID.random() }
        try await stage.leases.createLeases(many)
        #expect(try await stage.leases.acquire(many, for: one).count == 101)
        #expect(await next() == .leases(nil))
        await listener.close()
    }

    @Test func hintsOfANewerProgramAreIgnored() {
        #expect(StoreHint(payload: "") == nil)
        #expect(StoreHint(payload: "weather fine") == nil)
        #expect(StoreHint(payload: "leases *") == .leases(nil))
        #expect(StoreHint(payload: "placements *") == .placements(nil))
        #expect(StoreHint(payload: "sessions node-1") == .sessions)
        #expect(StoreHint(payload: "operations x") == .operations)
        #expect(StoreHint(payload: "placements Not_A_Node") == .placements([]))
    }
}
