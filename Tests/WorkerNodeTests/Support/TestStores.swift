import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import Logging
import ObjectStores
import Replication

/// What the nodes of one test share: a lease store, a bucket, and time.
struct TestStores {
    let clock = ManualClock()
    let leases = HookedLeaseStore()
    let objects = HookedObjectStore(MemoryStore())
    let disk: TemporaryDirectory

    init() throws { disk = try TemporaryDirectory() }

    var segments: LeaseSegments { LeaseSegments(leases: leases) }

    /// A new database, led by nobody.
    func makeDatabase(
        _ name: String = "db", engine: EngineKind = .sqlite, durability: Durability = .local
    ) async throws -> DatabaseRecord {
        let record = DatabaseRecord(
            id: .timeOrdered(), name: try DatabaseName(name), engine: engine, durability: durability, createdAt: Date())
        try await leases.base.createLeases([record.id])
        return record
    }

    func lease(of record: DatabaseRecord) async throws -> Lease {
        let lease = try await leases.base.leases(of: [record.id]).first
        guard let lease else { throw BerthError(.databaseNotFound, "\(record.name) has no lease") }
        return lease
    }

    /// The published chain, unbroken up to the head of the lease.
    func verifyChain(of record: DatabaseRecord) async throws {
        var chain = ChainVerifier()
        for entry in leases.base.segments(of: record.id) { try chain.append(entry) }
        try chain.requireEnd(at: try await lease(of: record).head)
    }

    func open(_ session: SessionID) async throws {
        try await leases.base.openSession(
            NewSession(id: session, node: try NodeName("node-x"), role: .node, address: "http://node-x:1"))
    }

    /// Runs `sql` on a copy of the published state and publishes the change as `session`.
    ///
    /// - Returns: the new head.
    func publishForeignCommit(
        _ sql: String, of record: DatabaseRecord, by session: NewSession
    ) async throws -> ChainPosition {
        let lease = try await lease(of: record)
        let copy = LocalCopy(database: record.id, in: disk.path + "/foreign")
        _ = try await Restorer(segments: segments, objects: objects, logger: .test).bring(copy, to: lease.head, by: SQLiteEngine())
        let sqlite = try SQLiteDatabase(path: copy.filePath, base: .restored)
        _ = try sqlite.primary.execute(SQLStatement(sql))
        guard let pages = try sqlite.capture()?.pages else { throw BerthError(.internalError, "it changed nothing") }
        let seq = lease.head.seq + 1
        let changeset = try HADBP.encode(
            pages, profile: .sqlite, seq: seq, previousChecksum: lease.head.checksum, createdAt: 0)
        var builder = BundleBuilder(session: .random(), node: session.node, number: 1)
        try builder.append(
            database: record.id, epoch: lease.epoch, kind: .delta, firstSeq: seq, lastSeq: seq,
            previousChecksum: lease.head.checksum, checksum: changeset.chainChecksum, pageSize: UInt32(pages.pageSize),
            createdAt: 0, changeset: changeset.bytes)
        let name = builder.header.name.description
        let (bytes, entries) = try builder.finish()
        try await objects.put(name, bytes: bytes, condition: .createOnly)
        try await leases.publishLate(
            Publication(session: session.id, bundle: name, bytes: Int64(bytes.count), entries: entries))
        return ChainPosition(seq: seq, checksum: changeset.chainChecksum)
    }

    func loseDisk(of node: String) throws { try FileManager.default.removeItem(atPath: disk.path + "/" + node) }

    /// Lets time pass, ten times faster than it does, while `body` runs.
    func whileTimePasses<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async throws -> Value {
        let ticking = Task { [clock] in
            while !Task.isCancelled {
                clock.advance(by: .milliseconds(10))
                try await Task.sleep(for: .milliseconds(1))
            }
        }
        defer { ticking.cancel() }
        return try await body()
    }
}

/// The segment rows, as the catalogue has them.
struct LeaseSegments: SegmentSource {
    let leases: HookedLeaseStore

    func segments(
        of database: DatabaseID, after seq: UInt64, through last: UInt64
    ) async throws(BerthError) -> [Segment] {
        await leases.segments(of: database).filter { $0.entry.lastSeq > seq && $0.entry.lastSeq <= last }
    }

    func checksum(of database: DatabaseID, at seq: UInt64) async throws(BerthError) -> UInt64? {
        await leases.segments(of: database).last { $0.entry.lastSeq == seq }?.entry.checksum
    }
}

/// A directory that goes with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/berth-node-" + UUID().uuidString.lowercased()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension Logger {
    /// Says nothing; with `BERTH_TEST_LOG` set, everything.
    static var test: Logger {
        guard ProcessInfo.processInfo.environment["BERTH_TEST_LOG"] != nil else {
            return Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        }
        var logger = Logger(label: "test", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .debug
        return logger
    }
}
