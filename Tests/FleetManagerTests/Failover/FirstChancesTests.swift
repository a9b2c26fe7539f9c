import FleetModel
import Leases
import Testing

@testable import FleetManager

/// Who may come back before its databases are placed elsewhere, and for how long.
final class FirstChancesTests {
    private let node: NodeName
    private var chances = FirstChances()

    init() throws { node = try NodeName("node-a") }

    private func session(_ id: SessionID, _ name: NodeName) -> SessionRecord {
        SessionRecord(id: id, node: name, role: .node, address: "http://a:1", renewals: 1, isRevoked: false, ttl: .seconds(5))
    }

    private func observe(_ live: [SessionRecord], at seconds: Double, silenced: Set<SessionID> = []) {
        chances.observe(live, at: .seconds(seconds), silenced: silenced, for: .milliseconds(500), after: .seconds(10))
    }

    private func endsNow(at seconds: Double) -> Bool { chances.endsNow(at: .seconds(seconds)) }

    @Test func aWorkerThatDiedAfterALongLifeMayComeBackForAMoment() {
        observe([session(.random(), node)], at: 0)
        observe([], at: 20)
        #expect(chances.hasChance(node) && chances.nextEnd == .milliseconds(20_500))
        #expect(!endsNow(at: 20.499) && chances.hasChance(node))
        #expect(endsNow(at: 20.5))
        #expect(!chances.hasChance(node) && chances.nextEnd == nil)
        #expect(!endsNow(at: 30))
    }

    /// What kills it may be among its databases: they are not kept on the node that cannot serve them.
    @Test func aWorkerThatDiesSoonMayNot() {
        observe([session(.random(), node)], at: 0)
        observe([session(.random(), node)], at: 20)
        #expect(chances.hasChance(node))
        _ = chances.endsNow(at: .seconds(21))
        observe([], at: 25)
        #expect(!chances.hasChance(node))
    }

    /// It did not crash: it was stopped with what it could not publish, and has a session again before the former one is ended.
    @Test func aNodeThatIsBackAlreadyMayGoOn() {
        let former = session(.random(), node), present = session(.random(), node)
        observe([former], at: 0)
        observe([former, present], at: 1)
        #expect(!chances.hasChance(node))
        observe([present], at: 2)
        #expect(chances.hasChance(node) && chances.nextEnd == .milliseconds(2_500))
        observe([present], at: 2.5)
        #expect(endsNow(at: 2.5) && !chances.hasChance(node))
    }

    /// Of a silent session nobody knows whether its process, or its machine, lives.
    @Test func aSilentOneMayNot() {
        let silent = SessionID.random()
        observe([session(silent, node)], at: 0)
        observe([], at: 20, silenced: [silent])
        #expect(!chances.hasChance(node))
    }

    @Test func managersHaveNoDatabases() {
        observe([SessionRecord(id: .random(), node: node, role: .manager, address: "http://m:1", renewals: 1, isRevoked: false, ttl: .seconds(5))], at: 0)
        observe([], at: 20)
        #expect(!chances.hasChance(node))
    }
}
