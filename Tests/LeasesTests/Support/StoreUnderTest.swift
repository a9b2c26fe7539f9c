import BerthTestKit
import Changesets
import FleetModel
import FleetStore
import Leases
import Testing

/// What the conformance suite needs of an implementation besides the contract itself.
protocol StoreUnderTest: Sendable {
    /// A store of its own, without sessions and leases.
    static func make() async throws -> Self

    /// The store as another process sees it.
    func client() async throws -> any LeaseStore

    /// Rule 13: takes the name of a bundle that was not published.
    ///
    /// - Returns: whether the name is a tombstone now.
    func tombstone(_ bundle: String) async throws -> Bool

    /// What was published of `database`, in the order of the chain.
    func segments(of database: DatabaseID) async throws -> [BundleEntry]

    /// Rule 12: pretends that the store was restored or promoted.
    func changeGeneration() async throws
}

/// Every implementation that must pass the conformance suite.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case postgres

    var testDescription: String { rawValue }

    func make() async throws -> any StoreUnderTest {
        switch self {
        case .memory: try await MemoryUnderTest.make()
        case .postgres: try await PostgresUnderTest.make()
        }
    }
}

struct MemoryUnderTest: StoreUnderTest {
    private let store = InMemoryLeaseStore()

    static func make() async throws -> MemoryUnderTest { MemoryUnderTest() }
    func client() async throws -> any LeaseStore { store }
    func tombstone(_ bundle: String) async throws -> Bool { store.tombstone(bundle: bundle) }
    func segments(of database: DatabaseID) async throws -> [BundleEntry] { store.segments(of: database) }
    func changeGeneration() async throws { store.changeGeneration() }
}

struct PostgresUnderTest: StoreUnderTest {
    private let database: FleetDatabase
    private let catalogue: FleetCatalogue
    private let sweeper: ManagerTerm

    static func make() async throws -> PostgresUnderTest {
        let database = try await FleetDatabase.make()
        // Tombstones are written under a manager's term; its session ends, so that no test sees it.
        let store = database.leaseStore()
        let manager = NewSession(id: .random(), node: try NodeName("sweeper"), role: .manager, address: "")
        try await store.openSession(manager)
        let lease = try #require(try await store.acquire([.managerLease], for: manager.id).first)
        try await store.endOwnSession(manager.id, node: manager.node, reason: "not part of the test")
        return PostgresUnderTest(
            database: database, catalogue: database.catalogue(connections: 1),
            sweeper: ManagerTerm(session: manager.id, term: lease.epoch))
    }

    func client() async throws -> any LeaseStore { database.leaseStore() }
    func tombstone(_ bundle: String) async throws -> Bool {
        try await catalogue.tombstone([bundle], under: sweeper) == [bundle]
    }
    func segments(of database: DatabaseID) async throws -> [BundleEntry] {
        try await catalogue.segments(of: database, after: 0, through: .max >> 1).map(\.entry)
    }
    func changeGeneration() async throws { try await database.changeGeneration() }
}
