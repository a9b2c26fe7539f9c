import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import Foundation
import Logging
import ObjectStores
import Replication
import Testing

/// A broken chain is an error that names the place, never a short restore; and a good copy stays as it is.
@Suite(.timeLimit(.minutes(1)))
struct BrokenChainTests {
    private let disk: TemporaryDirectory
    private let objects = HookedObjectStore(MemoryStore())
    private let published: PublishedDatabase

    init() async throws {
        disk = try TemporaryDirectory()
        published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(5)
    }

    /// - Parameter spooled: whether every changeset goes through a file.
    private func restorer(parallelReads: Int = 16, spooled: Bool = false) -> Restorer {
        Restorer(
            segments: published.source, objects: objects, parallelReads: parallelReads, spool: spooled ? .everything(in: disk.path) : nil,
            logger: .quiet)
    }

    /// A copy that is clean at `seq`.
    private func copy(at seq: Int) async throws -> LocalCopy {
        let copy = LocalCopy(database: published.database, in: disk.path + "/\(UUID())")
        _ = try await restorer().bring(copy, to: published.positions[seq])
        return copy
    }

    private func content(of copy: LocalCopy) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: copy.filePath)) }

    /// Restores whole and from a copy in the middle; both must fail, and the copy must stay as it was.
    private func expectRefusal(
        naming words: String..., sourceLocation: SourceLocation = #_sourceLocation, _ breaking: () async throws -> Void
    ) async throws {
        let good = try await copy(at: 2)
        let (mark, before) = (try good.mark(), try content(of: good))
        try await breaking()
        let whole = LocalCopy(database: published.database, in: disk.path + "/\(UUID())")
        for copy in [whole, good] {
            for spooled in [false, true] {
                let error = await #expect(throws: BerthError.self, sourceLocation: sourceLocation) {
                    try await restorer(spooled: spooled).bring(copy, to: published.tip)
                }
                #expect(error?.code == .dataCorrupt, sourceLocation: sourceLocation)
                for word in words {
                    #expect(error?.message.contains(word) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
                }
            }
        }
        #expect(try whole.mark() == nil, sourceLocation: sourceLocation)
        #expect(!FileManager.default.fileExists(atPath: whole.filePath), sourceLocation: sourceLocation)
        #expect(try good.mark() == mark, sourceLocation: sourceLocation)
        #expect(try content(of: good) == before, sourceLocation: sourceLocation)
    }

    @Test func aGap() async throws {
        try await expectRefusal(naming: "\(published.database)", "changeset 5") {
            published.source.change(published.database) { $0.remove(at: 3) }
        }
    }

    @Test func aMissingEnd() async throws {
        try await expectRefusal(naming: "ends at 4@") {
            published.source.change(published.database) { _ = $0.removeLast() }
        }
    }

    @Test func aFork() async throws {
        try await expectRefusal(naming: "forks") {
            published.source.change(published.database) { segments in
                var other = segments[3]
                other.entry.checksum = 0xF0
                segments.insert(other, at: 4)
            }
        }
    }

    @Test func aWrongChecksum() async throws {
        try await expectRefusal(naming: "changeset 4") {
            published.source.change(published.database) { $0[3].entry.previousChecksum ^= 1 }
        }
    }

    @Test func aMissingObject() async throws {
        let name = published.segments[3].bundle
        try await expectRefusal(naming: name, "changeset 4") { try await objects.base.delete([name]) }
    }

    @Test func anObjectOfAnotherDatabase() async throws {
        let other = try PublishedDatabase(objects: objects)
        try await other.publishSamples(5)
        let foreign = other.segments[3]
        try await expectRefusal(naming: foreign.bundle, "changeset 4") {
            published.source.change(published.database) { segments in
                segments[3].bundle = foreign.bundle
                segments[3].entry.offset = foreign.entry.offset
                segments[3].entry.storedLength = foreign.entry.storedLength
            }
        }
    }

    @Test func aTruncatedObject() async throws {
        let good = try await copy(at: 2)
        let segment = published.segments[4]
        let bytes = try await objects.base.get(segment.bundle)
        let end = Int(segment.entry.offset + segment.entry.storedLength)
        for length in [0, Int(segment.entry.offset), end - 1] {
            try await objects.base.put(segment.bundle, bytes: Array(bytes[..<length]), condition: .none)
            let error = await #expect(throws: BerthError.self) { try await restorer().bring(good, to: published.tip) }
            #expect(error?.message.contains(segment.bundle) == true)
        }
        #expect(try good.mark()?.position == published.positions[2])
    }

    @Test func aFlippedBitAnywhereInAChangeset() async throws {
        try await published.publish("CREATE TABLE small (v)")
        let good = try await copy(at: 5)
        let before = try content(of: good)
        let segment = try #require(published.segments.last)
        let bytes = try await objects.base.get(segment.bundle)
        let entry = segment.entry.offset..<segment.entry.offset + segment.entry.storedLength
        for offset in entry {
            var flipped = bytes
            flipped[Int(offset)] ^= UInt8(1 << (offset % 8))
            try await objects.base.put(segment.bundle, bytes: flipped, condition: .none)
            let error = await #expect(throws: BerthError.self) { try await restorer().bring(good, to: published.tip) }
            #expect(error?.code == .dataCorrupt && error?.message.contains(segment.bundle) == true, "offset \(offset)")
        }
        #expect(try good.mark()?.position == published.positions[5])
        #expect(try content(of: good) == before)
        try await objects.base.put(segment.bundle, bytes: bytes, condition: .none)
        _ = try await restorer().bring(good, to: published.tip)
        #expect(try content(of: good) == Data(published.content()))
    }

    /// The damage shows when a part of the file was already rewritten: then the copy must not be trusted any more.
    @Test func aFailureInTheMiddleOfAnExtension() async throws {
        let copy = try await copy(at: 2)
        let segment = published.segments[4]
        let bytes = try await objects.base.get(segment.bundle)
        var damaged = bytes
        damaged[Int(segment.entry.offset)] ^= 1
        try await objects.base.put(segment.bundle, bytes: damaged, condition: .none)
        await #expect(throws: BerthError.self) { try await restorer(parallelReads: 1).bring(copy, to: published.tip) }
        #expect(try copy.mark() == nil)

        try await objects.base.put(segment.bundle, bytes: bytes, condition: .none)
        objects.forgetCalls()
        _ = try await restorer().bring(copy, to: published.tip)
        #expect(objects.count(.get) == 5, "restored whole")
        #expect(try content(of: copy) == Data(published.content()))
    }

    @Test func aBucketThatIsDownSaysSo() async throws {
        let good = try await copy(at: 2)
        objects.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
        let error = await #expect(throws: BerthError.self) { try await restorer().bring(good, to: published.tip) }
        #expect(error?.code == .bucketUnavailable)
        #expect(try good.mark()?.position == published.positions[2])
        objects.before(nil)
        objects.forgetCalls()
        _ = try await restorer().bring(good, to: published.tip)
        #expect(objects.count(.get) == 3)
    }
}
