import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import Foundation
import Logging
import ObjectStores
import Replication
import Synchronization
import Testing

/// Bringing a copy to a published position when everything is as it should be.
@Suite(.timeLimit(.minutes(1)))
struct RestoreTests {
    private let disk: TemporaryDirectory
    private let objects = HookedObjectStore(MemoryStore())

    init() throws { disk = try TemporaryDirectory() }

    /// - Parameter spooled: whether every changeset goes through a file.
    private func restorer(_ published: PublishedDatabase, parallelReads: Int = 16, spooled: Bool = false) -> Restorer {
        Restorer(
            segments: published.source, objects: published.objects, parallelReads: parallelReads, spool: spooled ? .everything(in: disk.path) : nil,
            logger: .quiet)
    }

    private func expect(_ copy: LocalCopy, equals published: PublishedDatabase) throws {
        let restored = try Data(contentsOf: URL(fileURLWithPath: copy.filePath))
        #expect(try [UInt8](restored) == published.content())
        try SQLiteFile.quickCheck(copy.filePath)
        #expect(try copy.mark()?.position == published.tip)
        // Nothing beside it: what SQLite found there it would apply.
        #expect(try FileManager.default.contentsOfDirectory(atPath: copy.directory).sorted() == ["clean.json", "db"])
    }

    @Test(arguments: [1, 2, 16], [false, true])
    func aRestoredCopyEqualsItsSourcePageByPage(parallelReads: Int, spooled: Bool) async throws {
        let published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(7)
        // Growth, then a shrink that has to be followed by the file.
        try await published.publish("DELETE FROM t WHERE id > 3")
        try await published.publish("VACUUM")
        let copy = LocalCopy(database: published.database, in: disk.path)
        _ = try await restorer(published, parallelReads: parallelReads, spooled: spooled).bring(copy, to: published.tip)
        try expect(copy, equals: published)
        #expect(objects.count(.get) == 9)
    }

    /// A few large changesets must not fill a node's memory.
    @Test(arguments: [1, 20_000, 40_000] as [UInt64])
    func readsThatAreUnderWayTogetherAreBoundedByTheirBytes(limit: UInt64) async throws {
        let published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(12)
        let underWay = Mutex((now: 0, most: 0, largest: 0))
        objects.before { call in
            guard let range = call.range else { return }
            underWay.withLock { state in
                state.now += range.count
                state.most = max(state.most, state.now)
                state.largest = max(state.largest, range.count)
            }
        }
        objects.after { call in underWay.withLock { $0.now -= call.range?.count ?? 0 } }
        let copy = LocalCopy(database: published.database, in: disk.path)
        let restorer = Restorer(segments: published.source, objects: objects, parallelBytes: limit, logger: .quiet)
        _ = try await restorer.bring(copy, to: published.tip)
        try expect(copy, equals: published)
        let (_, most, largest) = underWay.withLock { $0 }
        #expect(most <= max(Int(limit), largest))
        #expect(objects.count(.get) == 12)
    }

    /// Many restores at once must not fill a node's memory either, whichever part of it asks for them.
    @Test(arguments: [1, 40_000, 1 << 20] as [UInt64])
    func allRestoresTogetherReadNoMoreThanTheirBudget(limit: UInt64) async throws {
        var databases: [PublishedDatabase] = []
        for _ in 0..<6 {
            let published = try PublishedDatabase(objects: objects)
            try await published.publishSamples(8)
            databases.append(published)
        }
        let reads = ReadsUnderWay(databases)
        objects.before { call in
            reads.begin(call)
            // Whoever else may read does so meanwhile.
            for _ in 0..<50 { await Task.yield() }
        }
        objects.after { reads.end($0) }
        let budget = ByteBudget(bytes: limit)
        // Of the part that serves and of the one that checks backups.
        let restorers = (0..<2).map { _ in
            Restorer(segments: AllSegments(databases), objects: objects, parallelReads: 4, parallelBytes: max(1, limit / 2), budget: budget, logger: .quiet)
        }
        let copies = databases.map { LocalCopy(database: $0.database, in: disk.path) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, (published, copy)) in zip(databases, copies).enumerated() {
                let (restorer, head) = (restorers[number % 2], published.tip)
                group.addTask { _ = try await restorer.bring(copy, to: head) }
            }
            try await group.waitForAll()
        }
        for (published, copy) in zip(databases, copies) { try expect(copy, equals: published) }
        #expect(objects.count(.get) == 48)
        // One that is larger than all there is reads alone.
        #expect(reads.most <= max(limit, reads.largest), "\(reads.most) bytes at a time")
        if limit == 1 << 20 { #expect(reads.mostDatabases > 1, "there was room for several") }
    }

    /// What is being read of some databases, as it is in memory.
    private final class ReadsUnderWay: Sendable {
        private let sizes: [String: (database: DatabaseID, bytes: UInt64)]
        private let state = Mutex((now: [DatabaseID: UInt64](), most: UInt64(0), mostDatabases: 0))
        let largest: UInt64

        init(_ databases: [PublishedDatabase]) {
            var sizes: [String: (database: DatabaseID, bytes: UInt64)] = [:]
            for segment in databases.flatMap(\.segments) {
                sizes[segment.bundle] = (segment.entry.database, max(segment.entry.rawLength, segment.entry.storedLength))
            }
            self.sizes = sizes
            largest = sizes.values.map(\.bytes).max() ?? 0
        }

        var most: UInt64 { state.withLock { $0.most } }
        var mostDatabases: Int { state.withLock { $0.mostDatabases } }

        func begin(_ call: HookedObjectStore.Call) {
            guard call.operation == .get, let (database, bytes) = sizes[call.name] else { return }
            state.withLock { state in
                state.now[database, default: 0] += bytes
                state.most = max(state.most, state.now.values.reduce(0, +))
                state.mostDatabases = max(state.mostDatabases, state.now.values.count { $0 > 0 })
            }
        }

        func end(_ call: HookedObjectStore.Call) {
            guard call.operation == .get, let (database, bytes) = sizes[call.name] else { return }
            state.withLock { $0.now[database, default: 0] -= bytes }
        }
    }

    /// The segment rows of several published databases.
    private struct AllSegments: SegmentSource {
        private let sources: [DatabaseID: PublishedSegments]

        init(_ databases: [PublishedDatabase]) { sources = Dictionary(uniqueKeysWithValues: databases.map { ($0.database, $0.source) }) }

        func segments(of database: DatabaseID, after seq: UInt64, through last: UInt64) async throws(BerthError) -> [Segment] {
            try await sources[database]?.segments(of: database, after: seq, through: last) ?? []
        }

        func checksum(of database: DatabaseID, at seq: UInt64) async throws(BerthError) -> UInt64? {
            try await sources[database]?.checksum(of: database, at: seq)
        }
    }

    /// It has many pieces, of the bucket and of the file; nothing of it is left beside the copy.
    @Test func aLargeChangesetIsNeverReadWhole() async throws {
        let published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(3)
        try await published.publish("INSERT INTO t (v) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) SELECT randomblob(1048576) FROM n")
        objects.forgetCalls()
        let copy = LocalCopy(database: published.database, in: disk.path)
        let spool = SpoolRule(folder: SpoolFolder(disk.path + "/spool"), memoryBytes: 1 << 20)
        _ = try await Restorer(segments: published.source, objects: objects, spool: spool, logger: .quiet).bring(copy, to: published.tip)
        try expect(copy, equals: published)
        let largest = objects.calls.compactMap(\.range?.count).max() ?? 0
        #expect(largest <= 4 << 20 && objects.count(.get) == 3 + 4)
        #expect(try FileManager.default.contentsOfDirectory(atPath: spool.folder.path) == [])
    }

    @Test func aDirectoryServesAsWell() async throws {
        let store = try DirectoryStore(path: disk.path + "/bucket")
        let published = try PublishedDatabase(objects: store)
        try await published.publishSamples(4)
        let copy = LocalCopy(database: published.database, in: disk.path)
        _ = try await restorer(published).bring(copy, to: published.tip)
        try expect(copy, equals: published)
        try await store.shutdown()
    }

    @Test(arguments: [false, true]) func everyPublishedPositionCanBeRestored(spooled: Bool) async throws {
        let published = try PublishedDatabase(objects: objects)
        var contents: [[UInt8]] = []
        try await published.publish("CREATE TABLE t (v)")
        contents.append(try published.content())
        for number in 0..<5 {
            try await published.publish("INSERT INTO t VALUES (randomblob(\(number * 1500)))")
            contents.append(try published.content())
        }
        for (index, content) in contents.enumerated() {
            let copy = LocalCopy(database: published.database, in: disk.path + "/\(index)")
            _ = try await restorer(published, spooled: spooled).bring(copy, to: published.positions[index + 1])
            #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: copy.filePath))) == content)
        }
    }

    @Test(arguments: [false, true]) func aCleanCopyIsExtendedByWhatIsMissing(spooled: Bool) async throws {
        let published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(5)
        let copy = LocalCopy(database: published.database, in: disk.path)
        let restorer = restorer(published, spooled: spooled)
        let first = try await restorer.bring(copy, to: published.tip)
        #expect(objects.count(.get) == 5)

        objects.forgetCalls()
        #expect(try await restorer.bring(copy, to: published.tip) == first)
        #expect(objects.calls.isEmpty, "a copy at the head needs nothing")

        try await published.publish("INSERT INTO t (v) VALUES ('six')")
        try await published.publish("INSERT INTO t (v) VALUES ('seven')")
        objects.forgetCalls()
        #expect(try await restorer.bring(copy, to: published.tip) == first, "it is the same copy")
        #expect(objects.count(.get) == 2)
        try expect(copy, equals: published)
    }

    @Test func aCopyThatIsNotOnTheChainIsReplaced() async throws {
        let published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(5)
        let copy = LocalCopy(database: published.database, in: disk.path)
        let restorer = restorer(published)
        let first = try await restorer.bring(copy, to: published.positions[3])
        // What a former leader committed and did not publish.
        try copy.markClean(at: ChainPosition(seq: 3, checksum: 0xBAD), copy: first)
        objects.forgetCalls()
        #expect(try await restorer.bring(copy, to: published.tip) != first)
        #expect(objects.count(.get) == 5)
        try expect(copy, equals: published)
    }

    @Test func aCopyAheadOfTheHeadIsReplaced() async throws {
        let published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(5)
        let copy = LocalCopy(database: published.database, in: disk.path)
        let first = try await restorer(published).bring(copy, to: published.tip)
        #expect(try await restorer(published).bring(copy, to: published.positions[4]) != first)
        #expect(try copy.mark()?.position == published.positions[4])
    }

    @Test func aCopyWithoutAMarkIsRestoredWhole() async throws {
        let published = try PublishedDatabase(objects: objects)
        try await published.publishSamples(4)
        let copy = LocalCopy(database: published.database, in: disk.path)
        let first = try await restorer(published).bring(copy, to: published.tip)
        // A crash while it was open, or while it was being extended.
        try copy.markDirty()
        try Data("what a crash leaves".utf8).write(to: URL(fileURLWithPath: copy.filePath + "-wal"))
        try Data("half".utf8).write(to: URL(fileURLWithPath: copy.filePath + ".incoming"))
        try Data("half".utf8).write(to: URL(fileURLWithPath: copy.filePath))
        objects.forgetCalls()
        #expect(try await restorer(published).bring(copy, to: published.tip) != first)
        #expect(objects.count(.get) == 4)
        try expect(copy, equals: published)
    }

    @Test func atTheOriginWhatAFormerLifeDidNotPublishIsGone() async throws {
        let published = try PublishedDatabase(objects: objects)
        let copy = LocalCopy(database: published.database, in: disk.path)
        try copy.markDirty()
        for suffix in ["", "-wal", "-shm"] {
            try Data("unpublished".utf8).write(to: URL(fileURLWithPath: copy.filePath + suffix))
        }
        let id = try await restorer(published).bring(copy, to: .origin)
        #expect(try FileManager.default.contentsOfDirectory(atPath: copy.directory) == ["clean.json"])
        #expect(try copy.mark() == LocalCopy.Mark(position: .origin, copy: id))
        #expect(try await restorer(published).bring(copy, to: .origin) == id)
    }
}
