import BerthTestKit
import FleetManager
import FleetModel
import FleetStore
import Leases
import Testing

/// A person wants another leader, whatever state the present one is in.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct ForcedFailoverTests {
    private func fleet(
        holder: ScriptedNode.Behaviour = .healthy
    ) async throws -> (fleet: ManagedFleet, id: DatabaseID, holder: SessionID) {
        let fleet = try await ManagedFleet()
        let session = try await fleet.addNode("node-1")
        try await fleet.addNode("node-2")
        try await fleet.addNode("node-3")
        let ids = try await fleet.makeDatabases(1, on: "node-1")
        try await fleet.node("node-1") { $0.behaviour = holder }
        try fleet.startManager()
        try await fleet.runUntilLed()
        return (fleet, ids[0], session)
    }

    private func failover(_ id: DatabaseID, in fleet: ManagedFleet) async throws -> OperationID {
        try await fleet.catalogue.createOperation(.failover, database: id).id
    }

    @Test func aHolderThatAnswersHandsOver() async throws {
        let (fleet, id, holder) = try await fleet()
        let outcome = try await fleet.outcome(of: try await failover(id, in: fleet))
        #expect(outcome.state == .succeeded)
        #expect(try await fleet.leaders(of: [id])["node-1"] == nil)
        #expect(try await fleet.store.leases(of: [id]).map(\.epoch) == [Epoch(2)])
        #expect(fleet.managers[0].store.revoked.isEmpty && fleet.managers[0].store.ends.isEmpty)
        #expect(try await fleet.isLive(holder))
        await fleet.stop()
    }

    /// No lease is ever taken from a live session: it is revoked, falls silent, and is ended like any other.
    @Test func aHolderThatDoesNotAnswerIsRevokedAndThenWaitedFor() async throws {
        let (fleet, id, holder) = try await fleet(holder: [.renews])
        let start = fleet.clock.now()
        let operation = try await failover(id, in: fleet)
        try await fleet.run(until: "it is revoked") { !fleet.managers[0].store.revoked.isEmpty }
        #expect(fleet.clock.now() - start >= fleet.settings.handoverTimeout)
        let revokedAt = fleet.clock.now()
        try await fleet.run(until: "it is over") {
            let isOver = try await fleet.catalogue.operation(operation).state.isFinished
            if try await fleet.isLive(holder) {
                #expect(try await fleet.store.leases(of: [id]).first?.session == holder)
            }
            return isOver
        }
        #expect(try await fleet.catalogue.operation(operation).state == .succeeded)
        #expect(fleet.managers[0].store.revoked == [holder])
        #expect(try fleet.renewal(of: "node-1") == .refused(.revoked))
        #expect(fleet.managers[0].store.ends.map(\.session) == [holder])
        #expect(fleet.managers[0].store.ends.allSatisfy { $0.quietFor >= fleet.timing.ttl })
        #expect(fleet.clock.now() - revokedAt >= fleet.timing.ttl - fleet.settings.pollInterval * 2)
        #expect(try await fleet.leaders(of: [id]).keys.contains { $0 != "node-1" })
        await fleet.stop()
    }

    @Test func withoutAnotherNodeItFails() async throws {
        let fleet = try await ManagedFleet()
        try await fleet.addNode("node-1")
        let id = try await fleet.makeDatabases(1, on: "node-1")[0]
        try fleet.startManager()
        try await fleet.runUntilLed()
        let outcome = try await fleet.outcome(of: try await failover(id, in: fleet))
        #expect(outcome.state == .failed && outcome.errorCode == "no_node_available")
        #expect(try await fleet.leaders(of: [id]) == ["node-1": 1])
        await fleet.stop()
    }

    @Test func theNextManagerGoesOnWithAFailover() async throws {
        let (fleet, id, holder) = try await fleet(holder: [.renews])
        let operation = try await failover(id, in: fleet)
        try await fleet.run(until: "it is under way") { try await fleet.catalogue.operation(operation).state == .running }
        let target = try await fleet.placements(of: [id]).keys.first
        let second = try fleet.startManager()
        fleet.managers[0].task.cancel()
        _ = await fleet.managers[0].task.result
        #expect(try await fleet.outcome(of: operation).state == .succeeded)
        #expect(second.store.revoked == [holder])
        // It went on to where it was going.
        #expect(try await fleet.leaders(of: [id]).keys.first == target)
        await fleet.stop()
    }

    /// The manager died between the handover and the record of it: the next one must not fail over again.
    @Test func aFailoverThatHasHappenedIsNotRepeated() async throws {
        let (fleet, id, _) = try await fleet()
        let lead = try await fleet.lead()
        let term = ManagerTerm(session: try #require(lead.session), term: lead.epoch)
        // The manager is cut off as soon as the intent is written, and the nodes carry it out.
        try await fleet.node("node-1") { $0.behaviour = [.renews] }
        let operation = try await failover(id, in: fleet)
        try await fleet.run(until: "it is under way") { try await fleet.catalogue.operation(operation).state == .running }
        fleet.managers[0].task.cancel()
        _ = await fleet.managers[0].task.result
        try await fleet.node("node-1") { $0.behaviour = .healthy }
        try await fleet.run(until: "it has happened") { try await fleet.leaders(of: [id])["node-1"] == nil }
        let after = try await fleet.store.leases(of: [id])
        #expect(try await fleet.catalogue.operation(operation).state == .running)

        let second = try fleet.startManager()
        #expect(try await fleet.outcome(of: operation).state == .succeeded)
        #expect(second.manager.isLeading)
        try await fleet.run(for: .seconds(3))
        #expect(try await fleet.store.leases(of: [id]) == after)
        #expect(try await fleet.lead().epoch > term.term)
        await fleet.stop()
    }

    /// A database nobody leads: another node gets it.
    @Test func aDatabaseWithoutLeaderGetsOne() async throws {
        let (fleet, id, _) = try await fleet(holder: [.renews])
        try await fleet.node("node-1") { try await $0.stop() }
        #expect(try await fleet.leaders(of: [id]).isEmpty)
        #expect(try await fleet.outcome(of: try await failover(id, in: fleet)).state == .succeeded)
        #expect(try await fleet.leaders(of: [id]).values.reduce(0, +) == 1)
        await fleet.stop()
    }
}
