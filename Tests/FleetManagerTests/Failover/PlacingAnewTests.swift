import BerthTestKit
import FleetManager
import FleetModel
import FleetStore
import Leases
import Testing

/// Where databases go whose node is gone, and when.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct PlacingAnewTests {
    /// A supervisor ended the session: nobody waits for the TTL, and the fullest get least.
    @Test func aCrashIsFailedOverAtOnceAndEvenly() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2", "node-3", "node-4"] { try await fleet.addNode(node) }
        _ = try await fleet.makeDatabases(2, on: "node-1", named: "own")
        _ = try await fleet.makeDatabases(5, on: "node-2", named: "own")
        let ids = try await fleet.makeDatabases(10, on: "node-4")
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-4") { try await $0.crash() }
        let took = try await fleet.run(until: "others lead") { try await fleet.leaders(of: ids).values.reduce(0, +) == 10 }
        #expect(took < fleet.timing.ttl)
        // 2 + 4, 5 + 1, 0 + 5 would leave a node with 5: the level is 17 / 3.
        let gained = try await fleet.leaders(of: ids)
        let after = [2 + gained["node-1", default: 0], 5 + gained["node-2", default: 0], gained["node-3", default: 0]]
        #expect(after.sorted() == [5, 6, 6])
        await fleet.stop()
    }

    /// Not back to the node that just died, even if it is up again.
    @Test func aCrashedNodeThatIsBackGetsNothingOfWhatItLost() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(6, on: "node-1")
        try await fleet.node("node-1") { try await $0.crash() }
        try await fleet.addNode("node-1", [.renews])
        try fleet.startManager()
        try await fleet.run(until: "the other leads") { try await fleet.leaders(of: ids) == ["node-2": 6] }
        await fleet.stop()
    }

    @Test func aLoneNodeThatRestartsKeepsWhatItHad() async throws {
        let fleet = try await ManagedFleet()
        try await fleet.addNode("node-1")
        let ids = try await fleet.makeDatabases(3, on: "node-1")
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-1") { try await $0.crash() }
        try await fleet.run(for: .seconds(3))
        #expect(try await fleet.placements(of: ids) == ["node-1": 3])
        try await fleet.addNode("node-1")
        try await fleet.run(until: "it leads again") { try await fleet.leaders(of: ids) == ["node-1": 3] }
        await fleet.stop()
    }

    /// A restart is shorter than the grace, so nothing moves.
    @Test func aStoppedNodesDatabasesWaitForItsReturn() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2", "node-3"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(4, on: "node-1")
        try fleet.startManager()
        try await fleet.runUntilLed()
        for _ in 0..<2 {
            try await fleet.node("node-1") { try await $0.stop() }
            try await fleet.run(for: fleet.settings.absenceGrace - .seconds(3)) {
                try await fleet.placements(of: ids) == ["node-1": 4]
            }
            try await fleet.addNode("node-1")
            try await fleet.run(until: "it leads again") { try await fleet.leaders(of: ids) == ["node-1": 4] }
        }
        await fleet.stop()
    }

    @Test func aStoppedNodesDatabasesMoveAfterTheGrace() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2", "node-3"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(4, on: "node-1")
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-1") { try await $0.stop() }
        let took = try await fleet.run(until: "others lead") {
            try await fleet.leaders(of: ids) == ["node-2": 2, "node-3": 2]
        }
        #expect(took >= fleet.settings.absenceGrace)
        await fleet.stop()
    }

    @Test func withoutAnyNodeTheyWaitForOne() async throws {
        let fleet = try await ManagedFleet()
        try await fleet.addNode("node-1")
        let ids = try await fleet.makeDatabases(3, on: "node-1")
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-1") { try await $0.crash() }
        try await fleet.run(for: fleet.settings.absenceGrace * 2)
        #expect(try await fleet.placements(of: ids) == ["node-1": 3])
        try await fleet.addNode("node-2")
        try await fleet.run(until: "the new one leads") { try await fleet.leaders(of: ids) == ["node-2": 3] }
        await fleet.stop()
    }

    @Test func aCordonedNodeGetsNothing() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2", "node-3"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(4, on: "node-1")
        try await fleet.catalogue.setState(.cordoned, of: try NodeName("node-2"))
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-1") { try await $0.crash() }
        try await fleet.run(until: "the other leads") { try await fleet.leaders(of: ids) == ["node-3": 4] }
        await fleet.stop()
    }

    /// More than one statement's worth.
    @Test func manyArePlacedInBatches() async throws {
        let fleet = try await ManagedFleet { $0.placementBatch = 7 }
        for node in ["node-1", "node-2", "node-3"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(30, on: "node-1")
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-1") { try await $0.crash() }
        try await fleet.run(until: "others lead") {
            try await fleet.leaders(of: ids) == ["node-2": 15, "node-3": 15]
        }
        await fleet.stop()
    }

    /// The target of a move disappears: the leader never stopped serving and keeps the database.
    @Test func aMoveToANodeThatStaysAwayIsTakenBack() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(2, on: "node-1")
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-2") { try await $0.stop() }
        let lead = try await fleet.lead()
        let term = ManagerTerm(session: try #require(lead.session), term: lead.epoch)
        let (from, to) = (try NodeName("node-1"), try NodeName("node-2"))
        #expect(try await fleet.catalogue.place(ids.map { ($0, from, to) }, under: term).count == 2)
        let took = try await fleet.run(until: "it is taken back") { try await fleet.placements(of: ids) == ["node-1": 2] }
        #expect(took >= fleet.settings.absenceGrace - fleet.settings.auditInterval)
        #expect(try await fleet.leaders(of: ids) == ["node-1": 2])
        #expect(try await fleet.store.leases(of: ids).map(\.epoch) == [Epoch(1), Epoch(1)])
        #expect(manager.manager.isLeading)
        await fleet.stop()
    }

    /// With the hints of Postgres a crash needs no clock at all.
    @Test func aHintIsEnough() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(4, on: "node-1")
        let listener = PostgresListener(
            url: fleet.database.url, channels: [StoreHint.channel], applicationName: "hints", logger: .silent)
        let source = HintSource(listener: listener)
        let listening = Task { await source.run() }
        try fleet.startManager(hints: { source.hints() })
        try await fleet.runUntilLed()
        let now = fleet.clock.now()
        try await fleet.node("node-1") { try await $0.crash() }
        try await becomesTrue("they are placed on the other node") {
            try await fleet.placements(of: ids) == ["node-2": 4]
        }
        #expect(fleet.clock.now() == now)
        await fleet.stop()
        await listener.close()
        await listening.value
    }
}
