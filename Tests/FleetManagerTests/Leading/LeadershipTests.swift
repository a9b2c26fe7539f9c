import BerthTestKit
import FleetManager
import FleetModel
import FleetStore
import Leases
import Testing

/// One manager leads, and the next one when it is gone.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct LeadershipTests {
    private func term(of fleet: ManagedFleet) async throws -> ManagerTerm {
        let lead = try await fleet.lead()
        return ManagerTerm(session: try #require(lead.session), term: lead.epoch)
    }

    @Test func ofSeveralManagersOneLeads() async throws {
        let fleet = try await ManagedFleet()
        for _ in 0..<3 { try fleet.startManager() }
        try await fleet.runUntilLed()
        let term = try await term(of: fleet)
        try await fleet.run(for: .seconds(20)) { fleet.managers.count { $0.manager.isLeading } == 1 }
        #expect(try await self.term(of: fleet) == term)
        let leading = fleet.managers.map { manager in
            manager.manager.gauges().first { $0.name == "berth_manager_leading" }?.value
        }
        #expect(leading.compactMap { $0 }.sorted() == [0, 0, 1])
        await fleet.stop()
    }

    @Test func theNextOneTakesOverAfterTheFirstOnesSessionHasEnded() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2"] { try await fleet.addNode(node) }
        let ids = try await fleet.makeDatabases(4, on: "node-1")
        let first = try fleet.startManager()
        try await fleet.runUntilLed()
        let second = try fleet.startManager()
        try await fleet.run(for: .seconds(2)) { first.manager.isLeading && !second.manager.isLeading }
        let old = try await term(of: fleet)

        first.store.cut()
        let cutAt = fleet.clock.now()
        let ttl = fleet.timing.ttl
        // Its gate is closed before anybody else leads.
        try await fleet.run(until: "the second leads") {
            #expect(!(first.manager.isLeading && second.manager.isLeading))
            return second.manager.isLeading
        }
        #expect(second.store.ends.map(\.session) == [old.session])
        #expect(second.store.ends.allSatisfy { $0.quietFor >= ttl })
        #expect(fleet.clock.now() - cutAt >= ttl - fleet.timing.renewalInterval)
        let new = try await term(of: fleet)
        #expect(new.term == old.term.next && new.session != old.session)

        // What the first one still writes is refused, every kind of it.
        let (one, two) = (try NodeName("node-1"), try NodeName("node-2"))
        let operation = try await fleet.catalogue.createOperation(.failover, database: ids[0])
        #expect(try await fleet.catalogue.place(ids.map { ($0, one, two) }, under: old) == [])
        #expect(try await !fleet.catalogue.update(operation.id, state: .failed, done: 0, total: 0, under: old))
        #expect(try await fleet.catalogue.tombstone(["bundles/x"], under: old) == [])
        #expect(try await fleet.placements(of: ids)["node-1", default: 0] >= 3)
        #expect(try await fleet.outcome(of: operation.id).state == .succeeded)

        // The second one does the work of a leader.
        try await fleet.node("node-1") { try await $0.crash() }
        try await fleet.run(until: "the other leads") { try await fleet.leaders(of: ids) == ["node-2": 4] }
        // Back on the net, the first one learns that its session is over and ends.
        first.store.mend()
        try await fleet.run(until: "the first gives up") { first.isOver }
        await #expect(throws: BerthError.self) { try await first.task.value }
        #expect(second.manager.isLeading)
        await fleet.stop()
    }

    /// A manager that stops in good order ends its session, so nobody waits for the TTL.
    @Test func aStoppedManagerIsSucceededAtOnce() async throws {
        let fleet = try await ManagedFleet()
        let first = try fleet.startManager()
        try await fleet.runUntilLed()
        let second = try fleet.startManager()
        try await fleet.run(for: .seconds(1))
        first.task.cancel()
        try await first.task.value
        let took = try await fleet.run(until: "the second leads") { second.manager.isLeading }
        #expect(took < fleet.timing.ttl)
        #expect(!first.manager.isLeading)
        #expect(second.store.ends.isEmpty)
        await fleet.stop()
    }

    @Test func aManagerWhoseSessionIsRevokedEnds() async throws {
        let fleet = try await ManagedFleet()
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.store.revokeSession(try await term(of: fleet).session)
        try await fleet.run(until: "it ends") { manager.isOver }
        do {
            try await manager.task.value
            Issue.record("it ended without an error")
        } catch let error as BerthError {
            #expect(error.code == .sessionEnded)
        }
        #expect(!manager.manager.isLeading)
        await fleet.stop()
    }

    /// A manager that cannot reach the store for longer than its deadline does not lead, and goes on when it can.
    @Test func aManagerThatWasCutOffLeadsAgainInTheSameTerm() async throws {
        let fleet = try await ManagedFleet()
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        let before = try await term(of: fleet)
        manager.store.cut()
        try await fleet.run(until: "its gate is closed") { !manager.manager.isLeading }
        try await fleet.run(for: .seconds(30)) { !manager.manager.isLeading }
        manager.store.mend()
        try await fleet.run(until: "it leads again") { manager.manager.isLeading }
        #expect(try await term(of: fleet) == before)
        await fleet.stop()
    }

    @Test func newDatabasesGoToLiveNodesThatTakeThem() async throws {
        let fleet = try await ManagedFleet()
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        do {
            _ = try await manager.manager.chooseNode(for: .sqlite)
            Issue.record("a node was chosen")
        } catch {
            #expect(error.code == .noNodeAvailable)
        }
        for node in ["node-1", "node-2", "node-3"] { try await fleet.addNode(node) }
        try await fleet.catalogue.setState(.cordoned, of: try NodeName("node-2"))
        try await fleet.node("node-3") { try await $0.stop() }
        for _ in 0..<10 { #expect(try await manager.manager.chooseNode(for: .sqlite).description == "node-1") }
        await fleet.stop()
    }
}
