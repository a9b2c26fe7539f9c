import Changesets
import FleetModel
import Leases
import Testing

/// A store with what most tests begin with.
struct Stage: Sendable {
    let under: any StoreUnderTest
    let store: any LeaseStore

    init(_ kind: StoreKind) async throws {
        under = try await kind.make()
        store = try await under.client()
    }

    /// An opened session.
    func session(_ node: String = "node-1") async throws -> SessionID {
        let session = try NewSession.test(node)
        try await store.openSession(session)
        return session.id
    }

    /// The lease of a new database, held by `session` from epoch 1 on.
    func lease(heldBy session: SessionID) async throws -> Lease {
        let database = DatabaseID.random()
        try await store.createLeases([database])
        return try #require(try await store.acquire([database], for: session).first)
    }

    /// The lease of a new database that nobody ever held.
    func freeLease() async throws -> Lease {
        let database = DatabaseID.random()
        try await store.createLeases([database])
        return try await row(database)
    }

    func row(_ database: DatabaseID) async throws -> Lease {
        try #require(try await store.leases(of: [database]).first)
    }

    func end(_ session: SessionID) async throws {
        try await store.endOwnSession(session, node: try NodeName("node-1"), reason: "test")
    }

    func record(_ session: SessionID) async throws -> SessionRecord? {
        try await store.liveSessions().first { $0.id == session }
    }

    /// Publishes `entries` under a new name.
    @discardableResult
    func publish(_ entries: BundleEntry..., by session: SessionID) async throws -> Set<DatabaseID> {
        try await store.publish(.test(session, entries))
    }
}

extension NewSession {
    static func test(_ node: String = "node-1", role: SessionRole = .node) throws -> NewSession {
        NewSession(id: .random(), node: try NodeName(node), role: role, address: "http://\(node):8080")
    }
}

extension Publication {
    static func test(_ session: SessionID, _ entries: [BundleEntry], bundle: String = "bundles/\(SessionID.random())") -> Publication {
        Publication(session: session, bundle: bundle, bytes: 4096, entries: entries)
    }
}

extension BundleEntry {
    /// The changeset that follows `position`.
    static func next(
        of database: DatabaseID, epoch: Epoch, after position: ChainPosition, checksum: UInt64 = .random(in: 1...UInt64.max)
    ) -> BundleEntry {
        BundleEntry(
            database: database, epoch: epoch, kind: .delta, firstSeq: position.seq + 1, lastSeq: position.seq + 1,
            previousChecksum: position.checksum, checksum: checksum, pageSize: 4096, offset: 64, storedLength: 1000,
            rawLength: 4200, compression: .zstd, storedChecksum: .max, createdAt: 1_700_000_000_000)
    }

    /// The changeset that follows the head of `lease`.
    static func next(on lease: Lease) -> BundleEntry {
        next(of: lease.database, epoch: lease.epoch, after: lease.head)
    }
}

extension Lease {
    var claim: LeaseClaim { LeaseClaim(database: database, epoch: epoch, headSeq: head.seq) }
}
