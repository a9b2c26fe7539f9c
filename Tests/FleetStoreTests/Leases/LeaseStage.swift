import BerthTestKit
import Changesets
import FleetModel
import FleetStore
import Leases
import Testing

/// A fleet's database with clients of the lease store, for tests of what only Postgres can do wrong.
struct LeaseStage: Sendable {
    let database: FleetDatabase
    let store: PostgresLeaseStore
    let observer: PostgresConnection

    init() async throws {
        self.init(try await FleetDatabase.make())
    }

    init(_ database: FleetDatabase) {
        self.database = database
        store = database.leaseStore("stage")
        observer = database.connection("observer")
    }

    func session(_ node: String = "node-1") async throws -> SessionID {
        let session = try LeaseFixture.session(node)
        try await store.openSession(session)
        return session.id
    }

    /// The lease of a new database, held by `session`.
    func lease(heldBy session: SessionID) async throws -> Lease {
        let database = DatabaseID.random()
        try await store.createLeases([database])
        return try #require(try await store.acquire([database], for: session).first)
    }

    func row(_ database: DatabaseID) async throws -> Lease {
        try #require(try await store.leases(of: [database]).first)
    }

    func end(_ session: SessionID) async throws {
        try await store.endOwnSession(session, node: try NodeName("node-1"), reason: "test")
    }

    func segmentCount(_ database: DatabaseID) async throws -> Int {
        try await observer.query("select count(*) from segments where database = $1", [.id(database)])[0].int(0)
    }
}

enum LeaseFixture {
    static func session(_ node: String, role: SessionRole = .node) throws -> NewSession {
        NewSession(id: .random(), node: try NodeName(node), role: role, address: "http://\(node):8080")
    }

    /// The changeset that follows the head of `lease`.
    static func next(on lease: Lease, checksum: UInt64 = .random(in: 1...UInt64.max)) -> BundleEntry {
        BundleEntry(
            database: lease.database, epoch: lease.epoch, kind: .delta, firstSeq: lease.head.seq + 1,
            lastSeq: lease.head.seq + 1, previousChecksum: lease.head.checksum, checksum: checksum, pageSize: 4096,
            offset: 64, storedLength: 1000, rawLength: 4200, compression: .zstd, storedChecksum: 7,
            createdAt: 1_700_000_000_000)
    }

    static func publication(
        _ entries: [BundleEntry], by session: SessionID, bundle: String = "bundles/\(SessionID.random())"
    ) -> Publication {
        Publication(session: session, bundle: bundle, bytes: 4096, entries: entries)
    }
}

extension Lease {
    var claim: LeaseClaim { LeaseClaim(database: database, epoch: epoch, headSeq: head.seq) }
}
