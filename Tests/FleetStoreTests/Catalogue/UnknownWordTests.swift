import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import Leases
import Testing

/// What a newer program wrote keeps an older one from nothing but that itself.
@Suite(.timeLimit(.minutes(2)))
struct UnknownWordTests {
    /// Two databases led by a node that died, of which one is of an engine or a durability from the future.
    private func stage(_ change: String) async throws -> (stage: CatalogueStage, known: DatabaseID, unknown: DatabaseID, dead: SessionID) {
        let stage = try await CatalogueStage()
        let dead = try await stage.node("node-1")
        try await stage.node("node-2")
        let known = try await stage.ledDatabase("known", on: "node-1", by: dead)
        let unknown = try await stage.ledDatabase("unknown", on: "node-1", by: dead)
        _ = try await stage.database.connection().query("update databases set \(change) where id = $1", [.id(unknown)])
        return (stage, known, unknown, dead)
    }

    @Test(arguments: ["engine = 'cloudbase'", "durability = 'everywhere'"])
    func anOlderManagerFailsOverTheRest(change: String) async throws {
        let (stage, known, _, dead) = try await stage(change)
        try await stage.end(dead)
        #expect(try await stage.catalogue.orphans(absent: [], limit: 10).map(\.database) == [known])
        // They come first in no batch, however many there are.
        #expect(try await stage.catalogue.orphans(absent: [try NodeName("node-1")], limit: 1).map(\.database) == [known])
        #expect(try await stage.catalogue.databasesOfUnknownKind() == 1)
    }

    @Test(arguments: ["engine = 'cloudbase'", "durability = 'everywhere'"])
    func anOlderNodeServesTheRest(change: String) async throws {
        let (stage, known, unknown, dead) = try await stage(change)
        #expect(try await stage.catalogue.records(of: [known, unknown]).map(\.id) == [known])
        try await stage.end(dead)
        let session = try await stage.node("node-1")
        #expect(try await stage.catalogue.assignments(to: try NodeName("node-1"), session: session).map(\.database) == [known])
    }

    @Test func listsAreOfTheRestAndASingleOneIsSaid() async throws {
        let (stage, known, unknown, _) = try await stage("engine = 'cloudbase'")
        #expect(try await stage.catalogue.databases(limit: 1).map(\.record.id) == [known])
        #expect(try await berthErrorCode { try await stage.catalogue.database(unknown) } == .schemaMismatch)
        #expect(try await berthErrorCode { try await stage.catalogue.database(named: try DatabaseName("unknown")) } == .schemaMismatch)
        // A route says nothing of engines.
        #expect(try await stage.catalogue.route(to: try DatabaseName("unknown")).database == unknown)
        // A drain must not call a node empty because it cannot read what is there.
        #expect(try await berthErrorCode { try await stage.catalogue.databases(on: try NodeName("node-1"), limit: 10) } == .schemaMismatch)
    }

    @Test func anOperationOfTheFutureLeavesTheOthers() async throws {
        let (stage, known, unknown, _) = try await stage("engine = engine")
        let operation = try await stage.catalogue.createOperation(.move, database: known, node: try NodeName("node-2"))
        let connection = stage.database.connection()
        try await connection.script("alter table operations drop constraint operations_kind_check")
        _ = try await connection.query(
            "insert into operations (id, kind, database) values (gen_random_uuid(), 'embalm', $1)", [.id(unknown)])
        #expect(try await stage.catalogue.operations(openOnly: true, limit: 10).map(\.id) == [operation.id])
        #expect(try await stage.catalogue.operations(limit: 10).map(\.id) == [operation.id])
    }
}
