import BerthTestKit
import FleetManager
import FleetModel
import FleetStore
import Leases
import Testing

@Suite(.serialized, .timeLimit(.minutes(3)))
struct MoveTests {
    /// A database led by node-1, node-2 as the target, and a manager that leads.
    private func fleet(
        target: ScriptedNode.Behaviour = .healthy, _ change: (inout ManagerSettings) -> Void = { _ in }
    ) async throws -> (ManagedFleet, DatabaseID) {
        let fleet = try await ManagedFleet(change)
        try await fleet.addNode("node-1")
        try await fleet.addNode("node-2", target)
        let ids = try await fleet.makeDatabases(1, on: "node-1")
        try fleet.startManager()
        try await fleet.runUntilLed()
        return (fleet, ids[0])
    }

    private func move(_ id: DatabaseID, to node: String, in fleet: ManagedFleet) async throws -> OperationID {
        try await fleet.catalogue.createOperation(.move, database: id, node: try NodeName(node)).id
    }

    /// Nobody but node-1 ever led the database.
    private func expectUntouched(_ id: DatabaseID, in fleet: ManagedFleet) async throws {
        #expect(try await fleet.leaders(of: [id]) == ["node-1": 1])
        #expect(try await fleet.placements(of: [id]) == ["node-1": 1])
        #expect(try await fleet.store.leases(of: [id]).map(\.epoch) == [Epoch(1)])
    }

    @Test func aMoveEndsWhenTheTargetLeads() async throws {
        let (fleet, id) = try await fleet()
        let operation = try await move(id, to: "node-2", in: fleet)
        let outcome = try await fleet.outcome(of: operation)
        #expect(outcome.state == .succeeded && outcome.done == 1 && outcome.total == 1)
        #expect(try await fleet.leaders(of: [id]) == ["node-2": 1])
        #expect(try await fleet.store.leases(of: [id]).map(\.epoch) == [Epoch(2)])
        // There already: nothing to do.
        let again = try await move(id, to: "node-2", in: fleet)
        #expect(try await fleet.outcome(of: again).state == .succeeded)
        #expect(try await fleet.store.leases(of: [id]).map(\.epoch) == [Epoch(2)])
        await fleet.stop()
    }

    /// A lease serves nobody.
    @Test func aMoveIsNotOverWhenTheTargetOnlyLeads() async throws {
        let (fleet, id) = try await fleet(target: ScriptedNode.Behaviour.healthy.subtracting(.serves))
        let operation = try await move(id, to: "node-2", in: fleet)
        try await fleet.run(until: "the target leads") { try await fleet.leaders(of: [id]) == ["node-2": 1] }
        try await fleet.run(for: .seconds(10)) { try await fleet.catalogue.operation(operation).state == .running }
        try await fleet.node("node-2") { $0.behaviour = .healthy }
        #expect(try await fleet.outcome(of: operation).state == .succeeded)
        #expect(try #require(try await fleet.catalogue.database(id)).isServed)
        await fleet.stop()
    }

    @Test func aTargetThatCannotOpenItFailsTheMove() async throws {
        let (fleet, id) = try await fleet(target: ScriptedNode.Behaviour.healthy.subtracting(.serves))
        let operation = try await move(id, to: "node-2", in: fleet)
        try await fleet.run(until: "the target leads") { try await fleet.leaders(of: [id]) == ["node-2": 1] }
        let lease = try #require(try await fleet.store.leases(of: [id]).first)
        try await fleet.catalogue.reportUnopenable(
            id, UnopenableState(seq: 3, code: "DUCKDB_CATALOG", reason: "a log"), isServed: false, epoch: lease.epoch, by: try #require(lease.session))
        let outcome = try await fleet.outcome(of: operation)
        #expect(outcome.state == .failed && outcome.errorCode == "database_unopenable")
        #expect(outcome.errorMessage?.contains("a log") == true)
        await fleet.stop()
    }

    /// It finds out before it takes over: the database stays where it is served.
    @Test func aTargetThatRefusesLeavesItWhereItIs() async throws {
        let (fleet, id) = try await fleet(target: [.renews, .acquires])
        let operation = try await move(id, to: "node-2", in: fleet)
        try await fleet.run(until: "it is under way") { try await fleet.placements(of: [id]) == ["node-2": 1] }
        try await fleet.catalogue.refuse(id, OpeningRefusal(code: "DUCKDB_CATALOG", reason: "a log"), on: try NodeName("node-2"))
        let outcome = try await fleet.outcome(of: operation, within: .seconds(10))
        #expect(outcome.state == .failed && outcome.errorCode == "database_unopenable")
        try await expectUntouched(id, in: fleet)
        await fleet.stop()
    }

    @Test func aMoveToWhereItCannotGoFails() async throws {
        let (fleet, id) = try await fleet()
        try await fleet.addNode("cordoned")
        try await fleet.catalogue.setState(.cordoned, of: try NodeName("cordoned"))
        try await fleet.addNode("dead")
        try await fleet.node("dead") { try await $0.stop() }
        for (node, code) in [("cordoned", BerthError.Code.nodeCordoned), ("dead", .nodeDead), ("unknown", .nodeNotFound)] {
            let outcome = try await fleet.outcome(of: try await move(id, to: node, in: fleet))
            #expect(outcome.state == .failed && outcome.errorCode == code.rawValue)
            #expect(outcome.errorMessage?.isEmpty == false)
        }
        try await expectUntouched(id, in: fleet)
        await fleet.stop()
    }

    @Test func aTargetThatDiesOnTheWayIsNoTarget() async throws {
        let (fleet, id) = try await fleet(target: [.renews])
        let operation = try await move(id, to: "node-2", in: fleet)
        try await fleet.run(until: "it is under way") { try await fleet.placements(of: [id]) == ["node-2": 1] }
        try await fleet.node("node-2") { try await $0.crash() }
        let outcome = try await fleet.outcome(of: operation)
        #expect(outcome.state == .failed && outcome.errorCode == "node_dead")
        try await expectUntouched(id, in: fleet)
        await fleet.stop()
    }

    @Test func aCancelledMoveIsTakenBack() async throws {
        let (fleet, id) = try await fleet(target: [.renews])
        let operation = try await move(id, to: "node-2", in: fleet)
        try await fleet.run(until: "it is under way") { try await fleet.placements(of: [id]) == ["node-2": 1] }
        _ = try await fleet.catalogue.requestCancel(operation)
        let outcome = try await fleet.outcome(of: operation)
        #expect(outcome.state == .cancelled && outcome.errorCode == nil)
        try await expectUntouched(id, in: fleet)
        await fleet.stop()
    }

    @Test func aMoveThatTakesTooLongIsTakenBack() async throws {
        let (fleet, id) = try await fleet(target: [.renews]) { $0.moveTimeout = .seconds(20) }
        let start = fleet.clock.now()
        let outcome = try await fleet.outcome(of: try await move(id, to: "node-2", in: fleet))
        #expect(outcome.state == .failed && outcome.errorCode == "timed_out")
        #expect(fleet.clock.now() - start >= .seconds(20))
        try await expectUntouched(id, in: fleet)
        await fleet.stop()
    }

    /// The next manager finds the operation in its row.
    @Test func theNextManagerFinishesAMove() async throws {
        let (fleet, id) = try await fleet(target: [.renews])
        let operation = try await move(id, to: "node-2", in: fleet)
        try await fleet.run(until: "it is under way") { try await fleet.catalogue.operation(operation).state == .running }
        let second = try fleet.startManager()
        // From now on the target takes nothing new; that does not stop what was decided before.
        try await fleet.catalogue.setState(.cordoned, of: try NodeName("node-2"))
        fleet.managers[0].store.cut()
        try await fleet.run(until: "the second leads") { second.manager.isLeading }
        #expect(try await fleet.catalogue.operation(operation).state == .running)
        try await fleet.node("node-2") { $0.behaviour = .healthy }
        #expect(try await fleet.outcome(of: operation).state == .succeeded)
        #expect(try await fleet.leaders(of: [id]) == ["node-2": 1])
        await fleet.stop()
    }

    @Test func manyMovesGoOnAtTheSameTime() async throws {
        let (fleet, _) = try await fleet()
        let ids = try await fleet.makeDatabases(12, on: "node-1", named: "more")
        var operations: [OperationID] = []
        for id in ids { operations.append(try await move(id, to: "node-2", in: fleet)) }
        try await fleet.run(until: "all are over", within: .seconds(30)) {
            try await fleet.catalogue.operations(openOnly: true, limit: 100).isEmpty
        }
        for operation in operations { #expect(try await fleet.catalogue.operation(operation).state == .succeeded) }
        #expect(try await fleet.leaders(of: ids) == ["node-2": 12])
        await fleet.stop()
    }
}
