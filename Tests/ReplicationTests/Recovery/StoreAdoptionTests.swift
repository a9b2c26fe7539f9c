import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import Logging
import ObjectStores
@testable import Replication
import Testing

/// Rule 12: a Postgres that went back in time is set right from the bucket.
struct StoreAdoptionTests {
    private let database = DatabaseID.timeOrdered()

    /// A changeset as its bundle's index describes it; only what adoption looks at is meaningful.
    private func segment(_ seq: UInt64, after previous: UInt64, _ checksum: UInt64, epoch: Int64) -> Segment {
        Segment(
            bundle: "bundles/n/s/\(epoch)-\(seq)",
            entry: BundleEntry(
                database: database, epoch: Epoch(epoch), kind: .delta, firstSeq: seq, lastSeq: seq,
                previousChecksum: previous, checksum: checksum, pageSize: 4096, offset: 96, storedLength: 1, rawLength: 1,
                compression: .none, storedChecksum: 0, createdAt: 0))
    }

    private func lease(at seq: UInt64, _ checksum: UInt64, epoch: Int64) -> Lease {
        Lease(database: database, epoch: Epoch(epoch), head: ChainPosition(seq: seq, checksum: checksum))
    }

    @Test func nothingForgottenRaisesTheEpochAboveTheBucketOnly() {
        let adopted = StoreAdoption.adopt(lease(at: 2, 20, epoch: 3), [segment(1, after: 0, 10, epoch: 1), segment(2, after: 10, 20, epoch: 7)])
        #expect(adopted.epoch == Epoch(1 << 20), "above every epoch that can have been forgotten")
        #expect(adopted.head == ChainPosition(seq: 2, checksum: 20))
        #expect(adopted.forgotten.isEmpty)
    }

    @Test func forgottenChangesetsAreFollowedFromTheHead() {
        let adopted = StoreAdoption.adopt(
            lease(at: 1, 10, epoch: 1),
            [segment(3, after: 20, 30, epoch: 2), segment(1, after: 0, 10, epoch: 1), segment(2, after: 10, 20, epoch: 1)])
        #expect(adopted.forgotten.map(\.entry.lastSeq) == [2, 3])
        #expect(adopted.head == ChainPosition(seq: 3, checksum: 30))
        #expect(adopted.epoch == Epoch(1 << 20))
    }

    @Test func ofTwoBranchesTheOneOfTheLaterEpochWasPublished() {
        // Epoch 1 stored 2 and 3 without publishing them; epoch 2 began again at 1.
        let adopted = StoreAdoption.adopt(
            lease(at: 1, 10, epoch: 1),
            [
                segment(2, after: 10, 21, epoch: 1), segment(3, after: 21, 31, epoch: 1),
                segment(2, after: 10, 22, epoch: 2),
            ])
        #expect(adopted.forgotten.map(\.entry.checksum) == [22])
        #expect(adopted.head == ChainPosition(seq: 2, checksum: 22))
    }

    /// Of a bundle that was refused the changesets are stored again in others. Followed once each, a long chain of them takes no time.
    @Test func whatWasStoredTwiceIsFollowedOnce() {
        let chain = (2...60).map { segment(UInt64($0), after: UInt64($0 - 1) * 10, UInt64($0) * 10, epoch: 1) }
        var again = chain
        for index in again.indices { again[index].bundle += "-again" }
        let adopted = StoreAdoption.adopt(lease(at: 1, 10, epoch: 1), chain + again)
        #expect(adopted.forgotten.map(\.entry.lastSeq) == Array(2...60))
        #expect(adopted.head == ChainPosition(seq: 60, checksum: 600))
    }

    @Test func aBranchThatDoesNotContinueTheHeadIsIgnored() {
        let adopted = StoreAdoption.adopt(lease(at: 2, 22, epoch: 2), [segment(3, after: 21, 31, epoch: 1)])
        #expect(adopted.forgotten.isEmpty)
        #expect(adopted.head == ChainPosition(seq: 2, checksum: 22))
        #expect(adopted.epoch == Epoch(1 << 20))
        #expect(StoreAdoption.epoch(above: adopted.epoch) == Epoch(2 << 20))
    }

    @Test(arguments: 0..<50) func theBestBranchOfARandomTreeIsAChainFromTheHead(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var segments: [Segment] = []
        var tips = [(seq: UInt64(0), checksum: UInt64(0), epoch: Int64(1))]
        for number in 1...40 {
            guard let tip = tips.randomElement(using: &random) else { continue }
            let epoch = tip.epoch + Int64.random(in: 0...1, using: &random)
            segments.append(segment(tip.seq + 1, after: tip.checksum, UInt64(number), epoch: epoch))
            tips.append((tip.seq + 1, UInt64(number), epoch))
        }
        let adopted = StoreAdoption.adopt(lease(at: 0, 0, epoch: 0), segments.shuffled(using: &random))
        var chain = ChainVerifier()
        #expect(throws: Never.self) {
            for segment in adopted.forgotten { try chain.append(segment.entry) }
            try chain.requireEnd(at: adopted.head)
        }
        let highest = segments.map(\.entry.epoch).max() ?? .zero
        #expect(adopted.epoch > highest)
        #expect(adopted.forgotten.last?.entry.epoch == highest)
    }

    @Test func aRestoredPostgresServesAgainWithWhatTheBucketHas() async throws {
        let fleet = try await FleetDatabase.make()
        let store = fleet.leaseStore(), catalogue = fleet.catalogue()
        let node = try NodeName("node-a"), session = SessionID.random()
        try await store.openSession(NewSession(id: session, node: node, role: .node, address: "http://127.0.0.1:1"))

        let published = try PublishedDatabase(objects: MemoryStore())
        try await catalogue.createDatabase(
            DatabaseRecord(id: published.database, name: try DatabaseName("shop"), engine: .sqlite, durability: .bucket, createdAt: Date()),
            on: node)
        let acquired = try await store.acquire([published.database], for: session)
        #expect(acquired.map(\.epoch) == [Epoch(1)])
        try await published.publishSamples(5)
        for segment in published.segments {
            _ = try await store.publish(
                Publication(session: session, bundle: segment.bundle, bytes: 1, entries: [segment.entry]))
        }

        // The backup is from before the last two publishes.
        let before = published.positions[3]
        try await fleet.connection().script("""
            delete from segments where last_seq > 3;
            update leases set head_seq = 3, head_checksum = \(Int64(bitPattern: before.checksum)) where database = '\(published.database)'
            """)
        try await fleet.changeGeneration()
        await #expect(throws: LeaseStoreError.self) {
            try await store.openSession(NewSession(id: .random(), node: node, role: .node, address: "http://127.0.0.1:1"))
        }

        let report = try #require(try await StoreAdoption(catalogue: catalogue, objects: published.objects).run())
        #expect(report.extended == [published.database: 2])
        #expect(report.unknown.isEmpty)

        let next = SessionID.random()
        try await store.openSession(NewSession(id: next, node: node, role: .node, address: "http://127.0.0.1:1"))
        let lease = try #require(try await store.acquire([published.database], for: next).first)
        #expect(lease.head == published.tip)
        #expect(lease.epoch > Epoch(1))
        let rows = try await catalogue.segments(of: published.database, after: 0, through: lease.head.seq)
        #expect(rows.map(\.entry.lastSeq) == [1, 2, 3, 4, 5])

        // A manager of the former store deletes what that store never published, late.
        try await published.objects.delete(published.segments[3...].map(\.bundle))
        let disk = try TemporaryDirectory(), copy = LocalCopy(database: published.database, in: disk.path)
        let restorer = Restorer(segments: catalogue, objects: published.objects, logger: Logger(label: "test"))
        _ = try await restorer.bring(copy, to: lease.head)
        #expect(try Data(contentsOf: URL(fileURLWithPath: copy.filePath)) == Data(try published.content()))

        #expect(try await StoreAdoption(catalogue: catalogue, objects: published.objects).run() == nil, "nothing is left to adopt")
    }
}
