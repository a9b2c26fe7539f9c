import Changesets
import FleetModel
import Testing

@testable import Engines

/// A WAL that is damaged on disk while its database is open. SQLite itself goes on without noticing; a capture says so, or
/// gives exactly what was committed.
@Suite struct WALDamageTests {
    private let directory: TemporaryDirectory
    private let database: SQLiteDatabase
    /// After the part that was captured before the damage.
    private let captured: Int
    private let expected: CapturedChanges
    private let wal: [UInt8]
    private let before: CaptureWatermark

    init() throws {
        directory = try TemporaryDirectory()
        try PlainSQLite.run(directory.file("a.db"), ["PRAGMA page_size = 512", "CREATE TABLE t (a)"])
        database = try SQLiteDatabase(path: directory.file("a.db"))
        try database.primary.run("INSERT INTO t VALUES (1)")
        _ = try database.capture()
        captured = try directory.bytes("a.db-wal").count
        for sql in ["INSERT INTO t VALUES (zeroblob(900))", "UPDATE t SET a = 3", "CREATE TABLE u (b)"] {
            try database.primary.run(sql)
        }
        before = database.watermark
        expected = try #require(try database.capture())
        database.watermark = before
        wal = try directory.bytes("a.db-wal")
    }

    private enum Outcome: Equatable {
        case captured(CapturedChanges?)
        case failed(BerthError.Code)
    }

    private func outcome(of damaged: [UInt8], _ body: () throws(CaptureError) -> CapturedChanges?) throws -> Outcome {
        // Written in place: SQLite goes on with the descriptor it has.
        try directory.overwrite(damaged, in: "a.db-wal")
        database.watermark = before
        do throws(CaptureError) { return .captured(try body()) } catch { return .failed(error.berthError.code) }
    }

    @Test func aFlippedBitAnywhere() throws {
        for offset in wal.indices {
            var damaged = wal
            damaged[offset] ^= 1 << UInt8(offset % 8)
            // What was captured already is not looked at again.
            let isPast = (WALHeader.byteCount..<captured).contains(offset)
            let found = try outcome(of: damaged) { () throws(CaptureError) in try database.capture() }
            #expect(found == (isPast ? .captured(expected) : .failed(.dataCorrupt)), "byte \(offset)")
            let full = try outcome(of: damaged) { () throws(CaptureError) in try database.captureAll() }
            #expect(full == .failed(.dataCorrupt), "byte \(offset)")
        }
        #expect(try outcome(of: wal) { () throws(CaptureError) in try database.capture() } == .captured(expected))
    }

    @Test func cutAnywhere() throws {
        for count in 0..<wal.count {
            let cut = Array(wal[..<count])
            let found = try outcome(of: cut) { () throws(CaptureError) in try database.capture() }
            #expect(found == .failed(.dataCorrupt), "\(count) bytes")
            let full = try outcome(of: cut) { () throws(CaptureError) in try database.captureAll() }
            #expect(full == .failed(.dataCorrupt), "\(count) bytes")
        }
    }

    /// A checkpoint would move what nobody captured into the main file and forget that there was anything to capture.
    @Test func nothingIsCheckpointedThen() throws {
        var damaged = wal
        damaged[captured + 40] ^= 1
        try directory.overwrite(damaged, in: "a.db-wal")
        #expect(throws: CaptureError.self) { try database.hasUncaptured() }
        #expect(throws: CaptureError.self) { try database.checkpoint() }
        #expect(throws: CaptureError.self) { try database.closeClean() }
        #expect(try directory.bytes("a.db-wal") == damaged)
        try directory.overwrite(wal, in: "a.db-wal")
        #expect(try database.capture() == expected)
        #expect(try database.checkpoint())
        try database.primary.run("INSERT INTO t VALUES (7)")
        #expect(try database.capture()?.isFull == false)
    }

    /// Every connection's commits count.
    @Test func aCommitOfAnotherConnection() throws {
        let other = try database.makeConnection()
        _ = try database.capture()
        let length = try directory.bytes("a.db-wal").count
        try other.run("INSERT INTO t VALUES (8)")
        var damaged = try directory.bytes("a.db-wal")
        damaged[length + 30] ^= 1
        try directory.overwrite(damaged, in: "a.db-wal")
        #expect(throws: CaptureError.self) { try database.capture() }
    }
}
