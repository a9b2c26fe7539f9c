import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import Leases
import Testing

@Suite(.timeLimit(.minutes(2)))
struct DatabaseCatalogueTests {
    @Test func aNewDatabaseHasALeaseAndAPlacement() async throws {
        let stage = try await CatalogueStage()
        try await stage.node("node-1")
        let record = DatabaseRecord(
            id: .random(), name: try DatabaseName("shop"), engine: .sqlite, durability: .local, createdAt: Date())
        try await stage.catalogue.createDatabase(record, on: try NodeName("node-1"))
        let status = try await stage.catalogue.database(named: record.name)
        #expect(status.record.id == record.id && status.record.durability == .local && status.record.engine == .sqlite)
        #expect(abs(status.record.createdAt.timeIntervalSinceNow) < 60)
        #expect(status.placedOn.description == "node-1")
        #expect(status.leader == nil && status.leaderSession == nil && status.leaderAddress == nil)
        #expect(status.epoch == .zero && status.head == .origin)
        #expect(try await stage.catalogue.database(record.id) == status)
        #expect(try await stage.leases.leases(of: [record.id]) == [Lease(database: record.id)])
        #expect(try await stage.catalogue.database(.random()) == nil)
        #expect(try await berthErrorCode { try await stage.catalogue.database(named: try DatabaseName("other")) } == .databaseNotFound)
        #expect(try await stage.catalogue.records(of: [record.id, .random()]).map(\.name) == [record.name])
    }

    @Test func foreignKeysAreRemembered() async throws {
        let stage = try await CatalogueStage()
        try await stage.node("node-1")
        for isOn in [true, false] {
            let record = DatabaseRecord(
                id: .random(), name: try DatabaseName("keys-\(isOn)"), engine: .sqlite, durability: .local,
                settings: DatabaseSettings(foreignKeys: isOn), createdAt: Date())
            try await stage.catalogue.createDatabase(record, on: try NodeName("node-1"))
            #expect(try await stage.catalogue.records(of: [record.id]).map(\.settings.foreignKeys) == [isOn])
            #expect(try await stage.catalogue.database(named: record.name).record.settings.foreignKeys == isOn)
        }
    }

    @Test func aTakenNameIsRefusedAndLeavesNothingBehind() async throws {
        let stage = try await CatalogueStage()
        try await stage.node("node-1")
        let first = try await stage.makeDatabase("shop", on: "node-1")
        let second = DatabaseRecord(
            id: .random(), name: try DatabaseName("shop"), engine: .sqlite, durability: .bucket, createdAt: Date())
        let code = try await berthErrorCode { try await stage.catalogue.createDatabase(second, on: try NodeName("node-1")) }
        #expect(code == .databaseExists)
        #expect(try await stage.catalogue.database(named: second.name).record.id == first)
        #expect(try await stage.leases.leases(of: [second.id]).isEmpty)
        // A node nobody knows: nothing is created either.
        await #expect(throws: BerthError.self) { try await stage.makeDatabase("other", on: "node-9") }
        #expect(try await berthErrorCode { try await stage.catalogue.database(named: try DatabaseName("other")) } == .databaseNotFound)
    }

    @Test func ofManyCreationsOfANameOneSucceeds() async throws {
        let stage = try await CatalogueStage(connections: 8)
        try await stage.node("node-1")
        for round in 0..<5 {
            let created = try await withThrowingTaskGroup(of: DatabaseID?.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        do { return try await stage.makeDatabase("shop-\(round)", on: "node-1") } catch let error as BerthError {
                            guard error.code == .databaseExists else { throw error }
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
            }
            #expect(created.count == 1)
            #expect(try await stage.catalogue.database(named: try DatabaseName("shop-\(round)")).record.id == created.first)
        }
        #expect(try await stage.catalogue.databases(limit: 100).count == 5)
    }

    @Test func pagesShowEveryDatabaseOnce() async throws {
        let stage = try await CatalogueStage()
        let (one, two) = (try await stage.node("node-1"), try await stage.node("node-2"))
        // Names that collate differently from their bytes in many locales.
        let names = ["a", "a-b", "ab", "a1", "b", "shop-1", "shop-10", "shop-2", "shop1", "z"]
        var led: [String: SessionID] = [:]
        for (index, name) in names.shuffled().enumerated() {
            led[name] = index % 3 == 0 ? one : index % 3 == 1 ? two : nil
            if let session = led[name] {
                _ = try await stage.ledDatabase(name, on: "node-1", by: session)
            } else {
                try await stage.makeDatabase(name, on: "node-2")
            }
        }
        func all(leader: String? = nil, prefix: String? = nil, limit: Int) async throws -> [String] {
            var listed: [String] = []
            while true {
                let page = try await stage.catalogue.databases(
                    after: listed.last, leader: try leader.map { try NodeName($0) }, prefix: prefix, limit: limit)
                #expect(page.count <= limit)
                listed += page.map(\.record.name.description)
                if page.count < limit { return listed }
            }
        }
        for limit in [1, 3, 10, 100] {
            let listed = try await all(limit: limit)
            #expect(listed.count == names.count && Set(listed) == Set(names))
            #expect(try await Set(all(leader: "node-1", limit: limit)) == Set(names.filter { led[$0] == one }))
            #expect(try await Set(all(leader: "node-2", limit: limit)) == Set(names.filter { led[$0] == two }))
            #expect(try await Set(all(prefix: "shop-", limit: limit)) == ["shop-1", "shop-10", "shop-2"])
        }
        // Not a pattern.
        #expect(try await all(prefix: "%", limit: 10).isEmpty)
        #expect(try await all(prefix: "_", limit: 10).isEmpty)
        #expect(try await all(leader: "node-9", limit: 10).isEmpty)
        // Whom nobody leads any more is not listed as led.
        try await stage.end(one)
        #expect(try await all(leader: "node-1", limit: 10).isEmpty)
    }

    @Test func aRouteLeadsToTheLiveHolder() async throws {
        let stage = try await CatalogueStage()
        let session = try await stage.node("node-1")
        let name = try DatabaseName("shop")
        let id = try await stage.ledDatabase("shop", on: "node-1", by: session)
        let route = try await stage.catalogue.route(to: name)
        #expect(
            route == RouteRecord(
                database: id, name: name, epoch: Epoch(1), session: session, node: try NodeName("node-1"),
                address: "http://node-1:8080"))
        try await stage.end(session)
        let after = try await stage.catalogue.route(to: name)
        #expect(after == RouteRecord(database: id, name: name, epoch: Epoch(1), session: nil, node: nil, address: nil))
        #expect(try await berthErrorCode { try await stage.catalogue.route(to: try DatabaseName("other")) } == .databaseNotFound)
    }

    @Test func nodesTellWhatTheyHold() async throws {
        let stage = try await CatalogueStage()
        let (one, two) = (try await stage.node("node-1"), try await stage.node("node-2"))
        for name in ["a", "b", "c"] { _ = try await stage.ledDatabase(name, on: "node-1", by: one) }
        _ = try await stage.ledDatabase("d", on: "node-1", by: two)
        try await stage.makeDatabase("e", on: "node-2")
        var nodes = try await stage.catalogue.nodes()
        #expect(nodes.map(\.name.description) == ["node-1", "node-2"])
        #expect(nodes.map(\.placed) == [4, 1])
        #expect(nodes.map(\.leading) == [3, 1])
        #expect(nodes.map(\.session) == [one, two])
        #expect(nodes.allSatisfy { $0.isAlive && $0.state == .active })

        try await stage.catalogue.setState(.cordoned, of: try NodeName("node-1"))
        try await stage.leases.revokeSession(one)
        try await stage.end(two)
        // A manager is no node, whatever its name.
        try await stage.leases.openSession(try LeaseFixture.session("node-2", role: .manager))
        nodes = try await stage.catalogue.nodes()
        #expect(nodes.map(\.isAlive) == [false, false])
        #expect(nodes.map(\.state) == [.cordoned, .active])
        #expect(nodes.map(\.leading) == [0, 0])
        #expect(try await stage.catalogue.nodeNames().map(\.description) == ["node-1", "node-2"])

        // Back again, at the same place; what an operator said of it still holds.
        let again = try await stage.node("node-1")
        let node = try await stage.catalogue.node(named: try NodeName("node-1"))
        #expect(node.session == again && node.isAlive && node.state == .cordoned)
        #expect(try await berthErrorCode { try await stage.catalogue.node(named: try NodeName("node-9")) } == .nodeNotFound)
        #expect(try await berthErrorCode { try await stage.catalogue.setState(.active, of: try NodeName("node-9")) } == .nodeNotFound)
    }
}
