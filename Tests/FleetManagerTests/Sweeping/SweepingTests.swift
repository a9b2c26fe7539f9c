import BerthTestKit
import Changesets
import FleetManager
import FleetModel
import FleetStore
import Leases
import ObjectStores
import Synchronization
import Testing

/// Rule 13: what was stored and never published goes, and nothing else.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct SweepingTests {
    /// A bucket that looks, before it deletes, whether the tombstones are committed; and that fails at will.
    private final class GuardedBucket: ObjectStore {
        struct Failure: Error {}
        private let inner = MemoryStore()
        private let catalogue = Mutex<PostgresConnection?>(nil)
        private let state = Mutex<(fails: Bool, lists: Int, untimely: [String])>((false, 0, []))

        func watch(_ database: FleetDatabase) { catalogue.withLock { $0 = database.connection() } }
        func failDeleting(_ fails: Bool) { state.withLock { $0.fails = fails } }
        var lists: Int { state.withLock { $0.lists } }
        /// What was deleted without a tombstone.
        var untimely: [String] { state.withLock { $0.untimely } }

        func delete(_ names: [String]) async throws {
            if let catalogue = catalogue.withLock({ $0 }) {
                let bare = try await catalogue.query(
                    """
                    select n.name from unnest($1::text[]) as n (name)
                    where not exists (select 1 from bundles b where b.name = n.name and b.tombstone)
                    """, [.array(names)]
                ).map { try $0.string("name") }
                state.withLock { $0.untimely += bare }
            }
            if state.withLock({ $0.fails }) { throw Failure() }
            try await inner.delete(names)
        }
        func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
            state.withLock { $0.lists += 1 }
            return try await inner.list(prefix: prefix, after: after, limit: limit)
        }
        func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
            try await inner.put(name, bytes: bytes, condition: condition)
        }
        func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] { try await inner.get(name, range: range) }
        func head(_ name: String) async throws -> ObjectInfo? { try await inner.head(name) }
        func shutdown() async throws {}
    }

    private let bucket = GuardedBucket()

    private func fleet() async throws -> ManagedFleet {
        let fleet = try await ManagedFleet(objects: bucket) {
            $0.sweepGrace = .zero
            $0.sweepInterval = .seconds(5)
        }
        bucket.watch(fleet.database)
        return fleet
    }

    private func name(_ session: SessionID, of node: String, _ number: UInt64) throws -> String {
        BundleName(node: try NodeName(node), session: session, number: number).description
    }

    private func store(_ names: String...) async throws {
        for name in names { _ = try await bucket.put(name, bytes: [1, 2, 3], condition: .createOnly) }
    }

    private var names: Set<String> {
        get async throws { Set(try await bucket.list(prefix: "", after: nil, limit: 1000).map(\.name)) }
    }

    private func publication(_ lease: Lease, by session: SessionID, as bundle: String) -> Publication {
        let entry = BundleEntry(
            database: lease.database, epoch: lease.epoch, kind: .delta, firstSeq: lease.head.seq + 1,
            lastSeq: lease.head.seq + 1, previousChecksum: lease.head.checksum, checksum: 77, pageSize: 4096, offset: 0,
            storedLength: 3, rawLength: 3, compression: .none, storedChecksum: 1, createdAt: 0)
        return Publication(session: session, bundle: bundle, bytes: 3, entries: [entry])
    }

    @Test func onlyUnpublishedBundlesOfEndedSessionsGo() async throws {
        let fleet = try await fleet()
        let (dead, live) = (try await fleet.addNode("node-1"), try await fleet.addNode("node-2"))
        let ids = try await fleet.makeDatabases(1, on: "node-1")
        let published = try name(dead, of: "node-1", 1)
        let (orphan, another) = (try name(dead, of: "node-1", 2), try name(dead, of: "node-1", 3))
        let ofTheLiving = try name(live, of: "node-2", 1)
        // Not a session's: of an older life nobody recorded, and something else entirely.
        let unknown = try name(.random(), of: "node-1", 1)
        try await store(published, orphan, another, ofTheLiving, unknown, "snapshots/x")
        let lease = try #require(try await fleet.store.leases(of: ids).first)
        #expect(try await fleet.store.publish(publication(lease, by: dead, as: published)) == Set(ids))

        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.run(for: .seconds(12))
        #expect(try await names.count == 6)
        try await fleet.node("node-1") { try await $0.crash() }
        try await fleet.run(until: "it is swept") {
            try await fleet.catalogue.unsweptSessions(grace: .zero, limit: 10).isEmpty
        }
        #expect(try await names == [published, ofTheLiving, unknown, "snapshots/x"])
        #expect(bucket.untimely.isEmpty)
        // The dead one's late publish of what was swept is refused, under a lease that is still its own.
        let late = try #require(try await fleet.store.leases(of: ids).first)
        do throws(LeaseStoreError) {
            let databases = try await fleet.store.publish(
                publication(late, by: late.session ?? dead, as: orphan))
            Issue.record("published \(databases)")
        } catch {
            guard case .bundleSwept = error else { throw error }
        }
        await fleet.stop()
    }

    /// A quiet fleet lists nothing: each ended session is looked at once.
    @Test func aSweptSessionIsNotListedAgain() async throws {
        let fleet = try await fleet()
        let session = try await fleet.addNode("node-1")
        try await store(try name(session, of: "node-1", 1))
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-1") { try await $0.stop() }
        try await fleet.run(until: "it is swept") {
            try await fleet.catalogue.unsweptSessions(grace: .zero, limit: 10).isEmpty
        }
        let lists = bucket.lists
        #expect(lists == 1)
        try await fleet.run(for: .seconds(30)) { bucket.lists == lists }
        await fleet.stop()
    }

    @Test func whatCouldNotBeDeletedIsTriedAgain() async throws {
        let fleet = try await fleet()
        let session = try await fleet.addNode("node-1")
        let orphan = try name(session, of: "node-1", 1)
        try await store(orphan)
        bucket.failDeleting(true)
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.node("node-1") { try await $0.stop() }
        try await fleet.run(until: "it was tried twice") { bucket.lists >= 2 }
        #expect(try await names == [orphan])
        #expect(try await fleet.catalogue.unsweptSessions(grace: .zero, limit: 10).map(\.session) == [session])
        bucket.failDeleting(false)
        try await fleet.run(until: "it is swept") {
            try await fleet.catalogue.unsweptSessions(grace: .zero, limit: 10).isEmpty
        }
        #expect(try await names.isEmpty)
        #expect(bucket.untimely.isEmpty)
        await fleet.stop()
    }

    @Test func aSessionIsLeftAloneForTheGrace() async throws {
        let fleet = try await ManagedFleet(objects: bucket) {
            $0.sweepGrace = .seconds(3600)
            $0.sweepInterval = .seconds(5)
        }
        let session = try await fleet.addNode("node-1")
        try await store(try name(session, of: "node-1", 1))
        try await fleet.node("node-1") { try await $0.stop() }
        try fleet.startManager()
        try await fleet.runUntilLed()
        try await fleet.run(for: .seconds(20)) { bucket.lists == 0 }
        // The grace is the store's time.
        try await fleet.database.connection().script("update sessions set ended_at = ended_at - interval '1 hour'")
        try await fleet.run(until: "it is swept") { try await names.isEmpty }
        await fleet.stop()
    }
}
