@testable import Engines
import Changesets
import FleetModel
import Testing

/// A log that ends in part of a commit, as a write leaves it that failed and could not be undone. DuckDB cuts that part off when it
/// writes for the first time, and its log then grows over places that were captured before.
@Suite(.timeLimit(.minutes(1))) struct DuckDBTornLogTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("source.db") }
    /// Bytes of the log's last commit, which is torn.
    private static let tornBytes = 30_000

    init() throws {
        directory = try TemporaryDirectory()
        let source = try DuckDBDatabase(path)
        try source.primary.run("CREATE TABLE t (n BIGINT, x VARCHAR)")
        try source.primary.run("INSERT INTO t VALUES (1, 'kept')")
        let kept = try source.walBytes()
        try source.primary.run("INSERT INTO t VALUES (2, repeat('torn', 20000))")
        source.close()
        let wal = try directory.bytes("source.db.wal")
        #expect(wal.count > kept + Self.tornBytes)
        try directory.write(Array(wal[..<(kept + Self.tornBytes)]), to: "source.db.wal")
    }

    private func expectCapturesToContinue(_ base: CaptureBase) throws {
        let source = try DuckDBDatabase(path, base: base)
        // As it was shipped before: with the torn end.
        var sets = [try source.captureAll().pages]
        // Shorter than the torn end, then longer.
        for count in [1_000, 40_000, 100] {
            try source.primary.run("INSERT INTO t VALUES (3, repeat('x', \(count)))")
            sets.append(try #require(try source.capture()).pages)
            #expect(try DuckDBReplica(sets, in: directory).dump() == source.primary.dump(), "\(base), \(count) bytes")
        }
        #expect(try source.capture() == nil)
        try source.checkpoint(above: 1 << 20)
        #expect(try source.walBytes() == 0, "with a log it knows little of, it begins anew as soon as it can")
        sets.append(try #require(try source.capture()).pages)
        try source.primary.run("INSERT INTO t VALUES (4, 'after')")
        let last = try #require(try source.capture()).pages
        #expect(last.bytes.count < 10_000, "from here on, only what is new")
        sets.append(last)
        #expect(try DuckDBReplica(sets, in: directory).dump() == source.primary.dump())
        try source.closeClean()
    }

    @Test func foundAfterACrash() throws { try expectCapturesToContinue(.empty) }

    @Test func foundInARestoredCopy() throws { try expectCapturesToContinue(.restored) }

    /// The log has the same length and the same beginning as before, and another commit at its end.
    @Test func aCommitOfExactlyTheTornLengthIsCaptured() throws {
        let torn = try DuckDBDatabase(path)
        let shipped = try torn.captureAll().pages
        let bytes = try torn.walBytes()
        torn.close()
        // The longest text whose commit is not longer than what is torn; its length is stored in as many bytes as it needs.
        for length in (Self.tornBytes - 300..<Self.tornBytes).reversed() {
            let database = try DuckDBDatabase(DuckDBReplica([shipped], in: directory, name: "attempt.db").path, base: .restored)
            defer { database.close() }
            try database.primary.run("INSERT INTO t VALUES (3, repeat('y', \(length)))")
            guard try database.walBytes() <= bytes else { continue }
            #expect(try database.walBytes() == bytes)
            let changes = try #require(try database.capture()).pages
            #expect(try DuckDBReplica([shipped, changes], in: directory).dump() == database.primary.dump())
            return
        }
        Issue.record("no commit is as long as what is torn")
    }
}
