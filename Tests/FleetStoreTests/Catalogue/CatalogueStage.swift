import BerthTestKit
import Foundation
import FleetModel
import FleetStore
import Leases
import Testing

/// A catalogue in a real Postgres, with nodes, databases and a manager that leads.
struct CatalogueStage: Sendable {
    let database: FleetDatabase
    let catalogue: FleetCatalogue
    let leases: PostgresLeaseStore

    init(connections: Int = 3) async throws {
        database = try await FleetDatabase.make()
        catalogue = database.catalogue(connections: connections)
        leases = database.leaseStore()
    }

    /// Opens a session of a node, which registers it.
    @discardableResult
    func node(_ name: String) async throws -> SessionID {
        let session = try LeaseFixture.session(name)
        try await leases.openSession(session)
        return session.id
    }

    /// The term of a new manager.
    func term() async throws -> ManagerTerm {
        let session = try LeaseFixture.session("manager", role: .manager)
        try await leases.openSession(session)
        let lease = try #require(try await leases.acquire([.managerLease], for: session.id).first)
        return ManagerTerm(session: session.id, term: lease.epoch)
    }

    /// A term that another manager has taken over.
    func staleTerm() async throws -> ManagerTerm {
        let old = try await term()
        try await leases.endOwnSession(old.session, node: try NodeName("manager"), reason: "test")
        _ = try await term()
        return old
    }

    func end(_ session: SessionID) async throws {
        try await leases.endOwnSession(session, node: try NodeName("any"), reason: "test")
    }

    @discardableResult
    func makeDatabase(_ name: String, on node: String) async throws -> DatabaseID {
        let record = DatabaseRecord(
            id: .random(), name: try DatabaseName(name), engine: .sqlite, durability: .bucket, createdAt: Date())
        try await catalogue.createDatabase(record, on: try NodeName(node))
        return record.id
    }

    /// A database led by `session`, placed on `node`.
    func ledDatabase(_ name: String, on node: String, by session: SessionID) async throws -> DatabaseID {
        let id = try await makeDatabase(name, on: node)
        _ = try #require(try await leases.acquire([id], for: session).first)
        return id
    }

    func placement(_ id: DatabaseID) async throws -> String {
        try #require(try await catalogue.database(id)).placedOn.description
    }
}

/// The code of the `BerthError` that `body` must fail with.
func berthErrorCode<T>(_ body: () async throws -> T) async throws -> BerthError.Code {
    do { _ = try await body() } catch let error as BerthError { return error.code }
    throw NoError()
}
