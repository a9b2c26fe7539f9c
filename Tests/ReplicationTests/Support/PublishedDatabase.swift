import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import Foundation
import ObjectStores
import Replication
import Testing

extension SpoolRule {
    /// Every changeset goes through a file of `folder`.
    static func everything(in folder: String) -> SpoolRule { SpoolRule(folder: SpoolFolder(folder + "/spool"), memoryBytes: 0) }
}

/// A real SQLite database whose commits are published one by one, as a leader would.
final class PublishedDatabase {
    let database = DatabaseID.timeOrdered()
    let objects: any ObjectStore
    let source: PublishedSegments
    private(set) var tip = ChainPosition.origin
    /// Every position so far, the origin first.
    private(set) var positions = [ChainPosition.origin]
    private let directory: TemporaryDirectory
    private let sqlite: SQLiteDatabase
    private let session = SessionID.random()

    init(objects: any ObjectStore, source: PublishedSegments = PublishedSegments()) throws {
        self.objects = objects
        self.source = source
        directory = try TemporaryDirectory()
        sqlite = try SQLiteDatabase(path: directory.path + "/db")
    }

    /// Commits `statements` and publishes them as one changeset.
    func publish(_ statements: String...) async throws {
        for statement in statements { _ = try sqlite.primary.execute(SQLStatement(statement)) }
        let pages = try #require(try sqlite.capture()).pages
        let next = tip.seq + 1
        let encoded = try HADBP.encode(
            pages, profile: .sqlite, seq: next, previousChecksum: tip.checksum, createdAt: 0)
        var builder = BundleBuilder(session: session, node: try NodeName("node-a"), number: next)
        try builder.append(
            database: database, epoch: Epoch(1), kind: .delta, firstSeq: next, lastSeq: next,
            previousChecksum: tip.checksum, checksum: encoded.chainChecksum, pageSize: UInt32(pages.pageSize), createdAt: 0,
            changeset: encoded.bytes)
        let name = builder.header.name.description
        let (bytes, entries) = try builder.finish()
        try await objects.put(name, bytes: bytes, condition: .createOnly)
        source.add(entries.map { Segment(bundle: name, entry: $0) })
        tip = ChainPosition(seq: next, checksum: encoded.chainChecksum)
        positions.append(tip)
    }

    /// A table and `count` changesets in all.
    func publishSamples(_ count: Int) async throws {
        try await publish("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
        for number in 2..<max(2, count + 1) {
            try await publish("INSERT INTO t (v) VALUES (randomblob(3000)), (\(number))")
        }
    }

    /// Every page of the committed state.
    func content() throws -> [UInt8] { try sqlite.captureAll().pages.bytes }

    var segments: [Segment] { source.all(of: database) }
}
