@testable import Engines
import Changesets
import FleetModel
import Testing

@Suite struct CheckpointTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase

    init() throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("a.db"))
        try database.primary.run("CREATE TABLE t (a)")
        _ = try database.capture()
    }

    private func insert() throws { try database.primary.run("INSERT INTO t VALUES (1)") }

    private func failure(_ body: () throws(CaptureError) -> Void) -> CaptureError? {
        do throws(CaptureError) {
            try body()
            return nil
        } catch { return error }
    }

    @Test func refusedWhileSomethingIsNotCaptured() throws {
        try insert()
        let before = try directory.bytes("a.db-wal")
        #expect(failure { () throws(CaptureError) in _ = try database.checkpoint() } == .uncaptured(path: database.path + "-wal"))
        #expect(try directory.bytes("a.db-wal") == before)
        #expect(try database.capture() != nil)
        #expect(try database.checkpoint())
        #expect(try database.walBytes() == 0)
    }

    @Test func refusedBeforeTheFirstCapture() throws {
        let other = try SQLiteDatabase(path: directory.file("b.db"))
        #expect(failure { () throws(CaptureError) in _ = try other.checkpoint() } != nil)
    }

    @Test func aReaderPostponesIt() throws {
        let reader = try database.makeConnection()
        try reader.run("BEGIN")
        _ = try reader.value("SELECT count(*) FROM t")
        try insert()
        _ = try database.capture()
        #expect(try database.checkpoint() == false)
        try insert()
        #expect(try database.capture()?.isFull == false)
        try reader.rollback()
        #expect(try database.checkpoint())
    }

    @Test func nothingIsCheckpointedOnClosingOrBySize() throws {
        for _ in 0..<2_000 { try insert() }
        let wal = try database.walBytes()
        #expect(wal > 8_000_000, "far beyond the thousand pages at which SQLite would checkpoint by itself")
        database.close()
        #expect(try directory.bytes("a.db-wal").count == wal)
    }

    @Test func closingCleanNeedsEverythingCaptured() throws {
        try insert()
        #expect(failure { () throws(CaptureError) in try database.closeClean() } == .uncaptured(path: database.path + "-wal"))
        _ = try database.capture()
        try database.closeClean()
        #expect(!directory.exists("a.db-wal") && !directory.exists("a.db-shm"))
        try SQLiteFile.quickCheck(database.path)
        #expect(try PlainSQLite.run(database.path, ["SELECT count(*) FROM t"]) == ["1"])
    }

    /// Another program that checkpoints and writes must be noticed, not captured around.
    @Test func aWALThatBeganAnewBehindOurBackIsAnError() throws {
        try insert()
        _ = try database.capture()
        try PlainSQLite.run(
            database.path, ["PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_autocheckpoint = 0", "INSERT INTO t VALUES (2)"])
        let path = database.path + "-wal"
        #expect(failure { () throws(CaptureError) in _ = try database.capture() } == .walReplaced(path: path))
        #expect(failure { () throws(CaptureError) in _ = try database.capture() } == .walReplaced(path: path))
        let full = try database.captureAll()
        #expect(full.isFull)
        try Replica([full.pages], in: directory).expectEqual(to: database)
        try insert()
        let next = try #require(try database.capture())
        try Replica([full.pages, next.pages], in: directory).expectEqual(to: database)
    }

    @Test func aWALCutBehindOurBackIsAnError() throws {
        try insert()
        _ = try database.capture()
        let bytes = try directory.bytes("a.db-wal")
        try directory.write(Array(bytes.dropLast(100)), to: "a.db-wal")
        #expect(failure { () throws(CaptureError) in _ = try database.capture() } == .walShortened(path: database.path + "-wal"))
        try directory.write([], to: "a.db-wal")
        #expect(
            failure { () throws(CaptureError) in _ = try database.capture() }
                == .walDamaged(path: database.path + "-wal", readableFrames: 0, committedFrames: 3))
    }

    @Test func restoredWithCommitsInTheWALIsCapturedInFull() throws {
        try insert()
        database.close()
        let again = try SQLiteDatabase(path: database.path, base: .restored)
        #expect(again.nextCaptureIsFull)
        #expect(try again.capture()?.isFull == true)
    }

    @Test func restoredFromARollbackJournalFileIsCapturedInFull() throws {
        let path = directory.file("imported.db")
        try PlainSQLite.run(path, ["CREATE TABLE t (a)", "INSERT INTO t VALUES (7)"])
        let imported = try SQLiteDatabase(path: path, base: .restored)
        #expect(imported.nextCaptureIsFull, "setting WAL mode changed page 1 past the WAL")
        let full = try #require(try imported.capture())
        try Replica([full.pages], in: directory).expectEqual(to: imported)
    }

    @Test func aFullCaptureBesideAnOpenTransactionIsContinued() throws {
        var options = SQLiteOptions()
        options.pageCacheBytes = 16 << 10
        let fresh = try SQLiteDatabase(path: directory.file("fresh.db"), options: options)
        try fresh.primary.run("BEGIN")
        try fresh.primary.run("CREATE TABLE t (a)")
        for _ in 0..<100 { try fresh.primary.run("INSERT INTO t VALUES (zeroblob(3000))") }
        #expect(try fresh.walBytes() > 100_000, "the WAL has a header and frames, and no commit")
        let full = try #require(try fresh.capture())
        #expect(full.pages.endPageCount == 1)
        try fresh.primary.rollback()
        try fresh.primary.run("CREATE TABLE u (a)")
        let next = try #require(try fresh.capture())
        try Replica([full.pages, next.pages], in: directory).expectEqual(to: fresh)
    }

    @Test func aFullCaptureBetweenCheckpointAndRestartIsContinued() throws {
        #expect(try database.checkpoint(.restart))
        let full = try database.captureAll()
        try insert()
        let next = try #require(try database.capture())
        #expect(!next.isFull)
        try Replica([full.pages, next.pages], in: directory).expectEqual(to: database)
    }

    @Test func theLockPageLiesAtOneGibibyte() {
        #expect(SQLiteFile.lockPage(pageSize: 4096) == 262_145)
        #expect(SQLiteFile.lockPage(pageSize: 65_536) == 16_385)
    }

    @Test func theWALCanBeSynced() throws {
        try insert()
        try database.syncWAL()
        try database.checkpointAfterCapture()
        try database.syncWAL()
    }
}

extension SQLiteDatabase {
    fileprivate func checkpointAfterCapture() throws {
        _ = try capture()
        #expect(try checkpoint())
    }
}
