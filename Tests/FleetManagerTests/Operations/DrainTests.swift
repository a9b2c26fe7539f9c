import BerthTestKit
import FleetManager
import FleetModel
import FleetStore
import Leases
import Testing

@Suite(.serialized, .timeLimit(.minutes(3)))
struct DrainTests {
    private func fleet(
        nodes: Int = 3, databases: Int = 12, _ change: (inout ManagerSettings) -> Void = { _ in }
    ) async throws -> (ManagedFleet, [DatabaseID]) {
        let fleet = try await ManagedFleet(change)
        for number in 1...nodes { try await fleet.addNode("node-\(number)") }
        let ids = try await fleet.makeDatabases(databases, on: "node-1")
        try fleet.startManager()
        try await fleet.runUntilLed()
        return (fleet, ids)
    }

    private func drain(_ node: String, in fleet: ManagedFleet) async throws -> OperationID {
        try await fleet.catalogue.createOperation(.drain, node: try NodeName(node)).id
    }

    private func state(of node: String, in fleet: ManagedFleet) async throws -> NodeState {
        try await fleet.catalogue.node(named: try NodeName(node)).state
    }

    @Test func aDrainIsOverWhenWhatLeftIsServed() async throws {
        let (fleet, ids) = try await fleet(nodes: 2, databases: 3)
        try await fleet.node("node-2") { $0.behaviour.remove(.serves) }
        let operation = try await drain("node-1", in: fleet)
        try await fleet.run(until: "the node is empty") { try await fleet.leaders(of: ids) == ["node-2": 3] }
        try await fleet.run(for: .seconds(5)) { try await fleet.catalogue.operation(operation).state == .running }
        try await fleet.node("node-2") { $0.behaviour = .healthy }
        let outcome = try await fleet.outcome(of: operation)
        #expect(outcome.state == .succeeded && outcome.done == 3 && outcome.total == 3)
        await fleet.stop()
    }

    /// The others go, and what stays is named.
    @Test func whatNoOtherNodeCanOpenStaysAndIsNamed() async throws {
        let (fleet, ids) = try await fleet(nodes: 2, databases: 3)
        try await fleet.node("node-2") { $0.behaviour = [.renews, .acquires, .serves] }
        let operation = try await drain("node-1", in: fleet)
        try await fleet.run(until: "it is under way") { try await fleet.placements(of: ids) == ["node-2": 3] }
        try await fleet.catalogue.refuse(ids[0], OpeningRefusal(code: "DUCKDB_CATALOG", reason: "a log"), on: try NodeName("node-2"))
        try await fleet.node("node-2") { node in
            let coming = try await fleet.catalogue.assignments(to: node.name, session: node.session).filter { $0.database != ids[0] }
            try await fleet.catalogue.declarePrepared(coming.map { ($0.database, CopyID.random()) }, on: node.name, session: node.session)
        }
        let outcome = try await fleet.outcome(of: operation)
        #expect(outcome.state == .failed && outcome.errorCode == "database_unopenable")
        #expect(outcome.errorMessage?.contains("db-node-1-0") == true)
        #expect(try await fleet.leaders(of: ids) == ["node-1": 1, "node-2": 2])
        #expect(try await fleet.placements(of: [ids[0]]) == ["node-1": 1])
        await fleet.stop()
    }

    @Test func aDrainedNodeIsEmptyAndCordoned() async throws {
        let (fleet, ids) = try await fleet()
        let outcome = try await fleet.outcome(of: try await drain("node-1", in: fleet))
        #expect(outcome.state == .succeeded && outcome.done == 12 && outcome.total == 12)
        #expect(try await fleet.leaders(of: ids) == ["node-2": 6, "node-3": 6])
        #expect(try await state(of: "node-1", in: fleet) == .cordoned)
        // Each changed hands once, by its holder.
        #expect(try await Set(fleet.store.leases(of: ids).map(\.epoch)) == [Epoch(2)])
        // An empty node is drained at once.
        #expect(try await fleet.outcome(of: try await drain("node-1", in: fleet)).state == .succeeded)
        await fleet.stop()
    }

    @Test func noMoreMovesAreUnderWayThanAllowed() async throws {
        let (fleet, ids) = try await fleet { $0.drainParallelism = 3 }
        let operation = try await drain("node-1", in: fleet)
        var most = 0
        try await fleet.run(until: "it is over") {
            let (leaders, placements) = (try await fleet.leaders(of: ids), try await fleet.placements(of: ids))
            most = max(most, leaders["node-1", default: 0] - placements["node-1", default: 0])
            let record = try await fleet.catalogue.operation(operation)
            #expect(record.done <= record.total && record.total <= 12)
            return record.state.isFinished
        }
        #expect((1...3).contains(most))
        #expect(try await fleet.catalogue.operation(operation).state == .succeeded)
        await fleet.stop()
    }

    @Test func databasesNobodyLedMoveAsWell() async throws {
        let (fleet, _) = try await fleet(databases: 2)
        try await fleet.node("node-1") { $0.behaviour = [.renews, .handsOver, .prepares] }
        let unled = try await fleet.makeDatabases(3, on: "node-1", named: "unled")
        #expect(try await fleet.leaders(of: unled).isEmpty)
        #expect(try await fleet.outcome(of: try await drain("node-1", in: fleet)).state == .succeeded)
        try await fleet.run(until: "they are led") { try await fleet.leaders(of: unled).values.reduce(0, +) == 3 }
        await fleet.stop()
    }

    /// Trap 25.
    @Test func severalNodesAreDrainedAtTheSameTime() async throws {
        let (fleet, ids) = try await fleet(nodes: 4)
        let more = try await fleet.makeDatabases(6, on: "node-2", named: "more")
        let (one, two) = (try await drain("node-1", in: fleet), try await drain("node-2", in: fleet))
        let outcomes = [try await fleet.outcome(of: one), try await fleet.outcome(of: two)]
        #expect(outcomes.map(\.state) == [.succeeded, .succeeded])
        let leaders = try await fleet.leaders(of: ids + more)
        #expect(leaders["node-1"] == nil && leaders["node-2"] == nil)
        #expect(leaders.values.reduce(0, +) == 18)
        await fleet.stop()
    }

    @Test func theLastNodeIsNotDrained() async throws {
        let (fleet, ids) = try await fleet(nodes: 2)
        try await fleet.catalogue.setState(.cordoned, of: try NodeName("node-2"))
        let outcome = try await fleet.outcome(of: try await drain("node-1", in: fleet))
        #expect(outcome.state == .failed && outcome.errorCode == "last_node")
        #expect(try await fleet.leaders(of: ids) == ["node-1": 12])
        await fleet.stop()
    }

    @Test func aCancelledDrainStopsWhereItIs() async throws {
        let (fleet, ids) = try await fleet { $0.drainParallelism = 2 }
        let operation = try await drain("node-1", in: fleet)
        try await fleet.run(until: "some have moved") { try await fleet.leaders(of: ids)["node-1", default: 0] <= 8 }
        _ = try await fleet.catalogue.requestCancel(operation)
        #expect(try await fleet.outcome(of: operation).state == .cancelled)
        // What is under way arrives, nothing new begins.
        try await fleet.run(for: .seconds(5))
        let left = try await fleet.leaders(of: ids)["node-1", default: 0]
        #expect(left >= 4)
        try await fleet.run(for: .seconds(10)) { try await fleet.leaders(of: ids)["node-1", default: 0] == left }
        #expect(try await state(of: "node-1", in: fleet) == .cordoned)
        await fleet.stop()
    }

    @Test func theNextManagerGoesOnWithADrain() async throws {
        let (fleet, ids) = try await fleet { $0.drainParallelism = 2 }
        let operation = try await drain("node-1", in: fleet)
        let second = try fleet.startManager()
        try await fleet.run(until: "some have moved") { try await fleet.leaders(of: ids)["node-1", default: 0] <= 8 }
        fleet.managers[0].task.cancel()
        _ = await fleet.managers[0].task.result
        let left = try await fleet.leaders(of: ids)["node-1", default: 0]
        #expect(left > 0)
        let outcome = try await fleet.outcome(of: operation)
        #expect(second.manager.isLeading)
        #expect(outcome.state == .succeeded && outcome.total == 12 && outcome.done == 12)
        #expect(try await fleet.leaders(of: ids)["node-1"] == nil)
        await fleet.stop()
    }

    /// What the manager before had moved counts for the next one, too: it is over when that is served.
    @Test func theNextManagerWaitsForWhatHadLeft() async throws {
        let (fleet, ids) = try await fleet(nodes: 2, databases: 3)
        try await fleet.node("node-2") { $0.behaviour.remove(.serves) }
        let operation = try await drain("node-1", in: fleet)
        try await fleet.run(until: "the node is empty") { try await fleet.leaders(of: ids) == ["node-2": 3] }
        let second = try fleet.startManager()
        fleet.managers[0].task.cancel()
        _ = await fleet.managers[0].task.result
        try await fleet.run(until: "the next one leads") { second.manager.isLeading }
        try await fleet.run(for: .seconds(5)) { try await fleet.catalogue.operation(operation).state == .running }
        try await fleet.node("node-2") { $0.behaviour = .healthy }
        let outcome = try await fleet.outcome(of: operation)
        #expect(outcome.state == .succeeded && outcome.done == 3 && outcome.total == 3)
        await fleet.stop()
    }

    /// One of the targets dies: what was on its way there comes back and goes elsewhere.
    @Test func aTargetThatDiesDoesNotStopADrain() async throws {
        let (fleet, ids) = try await fleet()
        try await fleet.node("node-2") { $0.behaviour = [.renews] }
        let operation = try await drain("node-1", in: fleet)
        try await fleet.run(until: "half are under way to it") {
            try await fleet.placements(of: ids) == ["node-2": 6, "node-3": 6]
        }
        try await fleet.node("node-2") { try await $0.crash() }
        #expect(try await fleet.outcome(of: operation).state == .succeeded)
        #expect(try await fleet.leaders(of: ids) == ["node-3": 12])
        await fleet.stop()
    }

    /// The node that is drained dies: its databases are failed over, and then it is empty.
    @Test func aDrainedNodeThatDiesIsEmptyToo() async throws {
        let (fleet, ids) = try await fleet()
        try await fleet.node("node-1") { $0.behaviour = [.renews] }
        let operation = try await drain("node-1", in: fleet)
        try await fleet.run(for: .seconds(3))
        try await fleet.node("node-1") { try await $0.crash() }
        #expect(try await fleet.outcome(of: operation).state == .succeeded)
        try await fleet.run(until: "others lead") { try await fleet.leaders(of: ids).values.reduce(0, +) == 12 }
        #expect(try await fleet.leaders(of: ids)["node-1"] == nil)
        await fleet.stop()
    }
}
