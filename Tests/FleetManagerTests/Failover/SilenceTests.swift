import BerthTestKit
import FleetManager
import FleetModel
import FleetStore
import Leases
import Testing

/// Rules 3 and 10 with a manager as the observer.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct SilenceTests {
    @Test func aSilentSessionIsEndedOnlyAfterItsTTLAndItsDatabasesGoElsewhere() async throws {
        let fleet = try await ManagedFleet()
        for node in ["node-1", "node-2", "node-3", "node-4"] { try await fleet.addNode(node) }
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        let dead = try await fleet.addNode("node-5")
        let ids = try await fleet.makeDatabases(12, on: "node-5")
        #expect(try await fleet.leaders(of: ids) == ["node-5": 12])

        try await fleet.node("node-5") { $0.fallSilent() }
        // Nothing happens before its time, not even to its placements.
        try await fleet.run(for: fleet.timing.ttl - fleet.settings.pollInterval * 2) {
            let placements = try await fleet.placements(of: ids)
            return try await fleet.isLive(dead) && placements == ["node-5": 12]
        }
        try await fleet.run(until: "others lead") {
            let leaders = try await fleet.leaders(of: ids)
            return leaders["node-5"] == nil && leaders.values.reduce(0, +) == 12
        }
        #expect(try await fleet.leaders(of: ids) == ["node-1": 3, "node-2": 3, "node-3": 3, "node-4": 3])
        #expect(manager.store.ends.map(\.session) == [dead])
        #expect(manager.store.ends.allSatisfy { $0.quietFor >= fleet.timing.ttl })
        #expect(try await !fleet.isLive(dead))
        let epochs = try await fleet.store.leases(of: ids).map(\.epoch)
        #expect(Set(epochs) == [Epoch(2)])
        await fleet.stop()
    }

    /// Rule 3: the quiet time counts from the receipt of the first reply that showed it, however long the replies take.
    @Test func theQuietTimeCountsFromTheReceipt() async throws {
        let fleet = try await ManagedFleet()
        let silent = try await fleet.addNode("node-1", [])
        try await fleet.addNode("node-2")
        try await fleet.addNode("node-3")
        let manager = try fleet.startManager()
        manager.store.delayReadings(by: .seconds(3))
        try await fleet.run(until: "it is ended") { try await !fleet.isLive(silent) }
        let ends = manager.store.ends.filter { $0.session == silent }
        #expect(!ends.isEmpty)
        for end in ends { #expect(end.quietFor >= fleet.timing.ttl) }
        await fleet.stop()
    }

    @Test func whoRenewsIsNeverEnded() async throws {
        let fleet = try await ManagedFleet()
        var sessions: [SessionID] = []
        for number in 1...5 { sessions.append(try await fleet.addNode("node-\(number)")) }
        let manager = try fleet.startManager()
        try await fleet.run(for: .seconds(30)) { manager.store.ends.isEmpty }
        for session in sessions { #expect(try await fleet.isLive(session)) }
        await fleet.stop()
    }

    /// Rule 10: three of five at once may be the observer's own trouble; it waits, but not for ever.
    @Test func whenMostFallSilentAtOnceTheBrakeHolds() async throws {
        let fleet = try await ManagedFleet()
        let ttl = fleet.timing.ttl
        var sessions: [SessionID] = []
        for number in 1...4 { sessions.append(try await fleet.addNode("node-\(number)")) }
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        for number in 1...3 { try await fleet.node("node-\(number)") { $0.fallSilent() } }
        let start = fleet.clock.now()
        try await fleet.run(for: ttl * 3 - fleet.settings.pollInterval * 3) { manager.store.ends.isEmpty }
        // One comes back in time.
        try await fleet.node("node-3") { $0.behaviour = .healthy }
        try await fleet.run(until: "the others are ended") {
            let (one, two) = (try await fleet.isLive(sessions[0]), try await fleet.isLive(sessions[1]))
            return !one && !two
        }
        #expect(fleet.clock.now() - start >= ttl)
        #expect(try await fleet.isLive(sessions[2]))
        #expect(Set(manager.store.ends.map(\.session)) == Set(sessions.prefix(2)))
        await fleet.stop()
    }

    @Test func theBrakeEndsAfterTwoFurtherTTLs() async throws {
        let fleet = try await ManagedFleet()
        let ttl = fleet.timing.ttl
        var sessions: [SessionID] = []
        for number in 1...4 { sessions.append(try await fleet.addNode("node-\(number)")) }
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        for number in 1...4 { try await fleet.node("node-\(number)") { $0.fallSilent() } }
        try await fleet.run(until: "all are ended") {
            Set(try await fleet.store.liveSessions().map(\.id)).isDisjoint(with: sessions)
        }
        #expect(Set(manager.store.ends.map(\.session)) == Set(sessions))
        #expect(manager.store.ends.allSatisfy { $0.quietFor >= ttl * 3 })
        await fleet.stop()
    }

    /// Trap 8: after an outage of the store everyone renews late, and nobody is ended.
    @Test func anOutageOfTheStoreEndsNobody() async throws {
        let fleet = try await ManagedFleet()
        var sessions: [SessionID] = []
        for number in 1...3 { sessions.append(try await fleet.addNode("node-\(number)")) }
        let manager = try fleet.startManager()
        try await fleet.runUntilLed()
        // Nobody reaches the store, the manager neither.
        manager.store.cut()
        for number in 1...3 { try await fleet.node("node-\(number)") { $0.behaviour = [] } }
        try await fleet.run(for: fleet.timing.ttl * 4)
        #expect(!manager.manager.isLeading)
        manager.store.mend()
        // The manager is back first: what it takes for silence may be its own deafness.
        try await fleet.run(for: fleet.timing.ttl / 2)
        for number in 1...3 { try await fleet.node("node-\(number)") { $0.behaviour = .healthy } }
        try await fleet.run(for: fleet.timing.ttl * 4) { manager.store.ends.isEmpty }
        for session in sessions { #expect(try await fleet.isLive(session)) }
        #expect(manager.manager.isLeading)
        await fleet.stop()
    }
}
