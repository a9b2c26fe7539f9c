import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import ObjectStores
import Replication
import Testing

/// One object with a changeset each of two databases, as a node with two tenants ships them.
struct SharedBundle {
    let objects = HookedObjectStore(MemoryStore())
    let source = PublishedSegments()
    let name: String
    /// The object as it should be.
    let bytes: [UInt8]
    let tenants: [Tenant]

    struct Tenant {
        let entry: BundleEntry
        /// Every page of the database.
        let content: [UInt8]
        var stored: Range<Int> { Int(entry.offset)..<Int(entry.offset + entry.storedLength) }
    }

    init(isCompressed: Bool) async throws {
        var builder = BundleBuilder(
            session: .random(), node: try NodeName("node-a"), number: 1, isCompressed: isCompressed)
        var tenants: [Tenant] = []
        for word in ["one", "two"] {
            let directory = try TemporaryDirectory()
            let sqlite = try SQLiteDatabase(path: directory.path + "/db")
            for sql in ["CREATE TABLE t (v)", "INSERT INTO t VALUES ('\(word)')"] { _ = try sqlite.primary.execute(SQLStatement(sql)) }
            let pages = try sqlite.captureAll().pages
            let encoded = try HADBP.encode(pages, profile: .sqlite, seq: 1, previousChecksum: 0, createdAt: 0)
            let entry = try builder.append(
                database: .timeOrdered(), epoch: Epoch(1), kind: .delta, firstSeq: 1, lastSeq: 1, previousChecksum: 0,
                checksum: encoded.chainChecksum, pageSize: UInt32(pages.pageSize), createdAt: 0, changeset: encoded.bytes)
            tenants.append(Tenant(entry: entry, content: pages.bytes))
            sqlite.close()
        }
        self.tenants = tenants
        name = builder.header.name.description
        (bytes, _) = try builder.finish()
        source.add(tenants.map { Segment(bundle: name, entry: $0.entry) })
        try await store(bytes)
    }

    func store(_ bytes: [UInt8]) async throws { try await objects.put(name, bytes: bytes, condition: .none) }

    /// - Parameter folder: through files of which every changeset goes; `nil` for none.
    func restorer(spoolingTo folder: String? = nil) -> Restorer {
        Restorer(segments: source, objects: objects, spool: folder.map { .everything(in: $0) }, logger: .quiet)
    }
}
