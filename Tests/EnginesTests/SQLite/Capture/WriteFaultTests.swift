@testable import Engines
import Changesets
import FleetModel
import Foundation
import Testing

/// Writes that fail in the middle: what SQLite reported as failed is never captured, and what it committed afterwards is.
@Suite(.timeLimit(.minutes(2))) struct WriteFaultTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    /// What was captured, to build the database from.
    let shipped = Shipped()

    final class Shipped {
        var sets: [PageSet] = []
    }

    /// Frames of the first region of the WAL index; one more needs another 32 KiB of `-shm`.
    private static let firstRegion = 4_062

    init() throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("a.db"))
        try database.primary.run("CREATE TABLE t (a)")
        try capture()
    }

    @discardableResult
    private func capture() throws -> CapturedChanges? {
        let changes = try database.capture()
        if let changes {
            if changes.isFull { shipped.sets = [] }
            shipped.sets.append(changes.pages)
        }
        return changes
    }

    private func insert(_ value: String) throws -> String? {
        let connection = try #require(try database.takeConnection() as? SQLiteConnection)
        defer { database.giveBack(connection) }
        return connection.code("INSERT INTO t VALUES ('\(value)')")
    }

    private func values() throws -> [SQLValue] {
        let connection = try #require(try database.takeConnection() as? SQLiteConnection)
        defer { database.giveBack(connection) }
        return try connection.run("SELECT a FROM t WHERE a NOT LIKE 'filler%' ORDER BY rowid").rows.compactMap(\.first)
    }

    private func expectShippedIsTheDatabase() throws {
        try Replica(shipped.sets, in: directory).expectEqual(to: database)
    }

    /// Fills the WAL up to the last frame that the index has room for, by commits of one frame each.
    private func fillTheIndex() throws {
        var number = 0
        while try database.walIndex().frameCount < Self.firstRegion {
            try database.primary.run("UPDATE t SET a = 'filler \(number)' WHERE rowid = 1")
            number += 1
        }
    }

    /// The commit frame is in the WAL and valid; only the step after it failed.
    @Test func aCommitThatFoundNoRoomInTheIndexIsNoCommit() throws {
        #expect(try insert("filler") == nil)
        try fillTheIndex()
        try capture()
        let failures = try DiskFaults.with(ENOSPC, on: .index, of: database.path) { () throws in
            #expect(try insert("failed") == "SQLITE_IOERR_SHMSIZE")
            // Without room for a new index the files cannot even be opened anew: a later capture finds everything.
            #expect(throws: CaptureError.self) { try capture() }
        }
        #expect(failures > 0)
        try expectShippedIsTheDatabase()
        #expect(try insert("after") == nil)
        try capture()
        #expect(try values() == [.text("after")])
        try expectShippedIsTheDatabase()
    }

    /// A crash right after the error: whoever opens the files must not find what its client was told is not there.
    @Test func whatFailedIsNotFoundByWhoeverOpensTheFilesNext() throws {
        #expect(try insert("filler") == nil)
        try fillTheIndex()
        try DiskFaults.with(ENOSPC, on: .index, of: database.path) { () throws in #expect(try insert("failed") != nil) }
        #expect(try values() == [])
        database.close()
        #expect(try PlainSQLite.run(database.path, ["SELECT count(*) FROM t WHERE a = 'failed'"]) == ["0"])
    }

    @Test func theFilesAreNotCleanAfterAFault() throws {
        #expect(try insert("filler") == nil)
        try fillTheIndex()
        try capture()
        try DiskFaults.with(ENOSPC, on: .index, of: database.path) { () throws in #expect(try insert("failed") != nil) }
        #expect(throws: CaptureError.self) { try database.closeClean() }
        #expect(database.nextCaptureIsFull)
        #expect(try capture()?.isFull == true)
        try database.closeClean()
        let copy = try SQLiteDatabase(path: database.path, base: .restored)
        #expect(try copy.primary.value("SELECT count(*) FROM t") == .integer(1))
        try Replica(shipped.sets, in: directory).expectEqual(to: copy)
    }

    /// As long as the files cannot be opened again, nothing is served of them and nothing is forgotten.
    @Test func aFaultThatLastsIsMendedWhenItEnds() throws {
        #expect(try insert("kept") == nil)
        try capture()
        try DiskFaults.with(EIO, on: .wal, of: database.path) { () throws in
            #expect(try insert("failed") == "SQLITE_IOERR_WRITE")
            // Reading goes on meanwhile.
            #expect(try values() == [.text("kept")])
            #expect(try insert("failed again") == "SQLITE_IOERR_WRITE")
        }
        #expect(try insert("after") == nil)
        #expect(try values() == [.text("kept"), .text("after")])
        #expect(try capture()?.isFull == true)
        try expectShippedIsTheDatabase()
    }

    /// A tenant that has used up its quota must not cost a full capture per attempt.
    @Test func aFullQuotaIsNoFault() throws {
        var options = SQLiteOptions()
        options.maximumBytes = 200_000
        let small = try SQLiteDatabase(path: directory.file("small.db"), options: options)
        try small.primary.run("CREATE TABLE t (a)")
        _ = try small.capture()
        #expect(small.primary.code("INSERT INTO t VALUES (zeroblob(400000))") == "SQLITE_FULL")
        #expect(try small.capture() == nil)
        #expect(!small.nextCaptureIsFull)
        try small.primary.run("INSERT INTO t VALUES (1)")
        #expect(try small.capture()?.isFull == false)
    }

    /// It failed and is committed all the same, up to the row that failed.
    @Test func whatAFailedStatementCommittedIsCaptured() throws {
        try database.primary.run("CREATE TABLE u (a PRIMARY KEY)")
        try database.primary.run("INSERT INTO u VALUES (3)")
        try capture()
        let mark = database.commitMark
        #expect(database.primary.code("INSERT OR FAIL INTO u VALUES (1), (2), (3), (4)") == "SQLITE_CONSTRAINT_PRIMARYKEY")
        #expect(database.commitMark != mark)
        #expect(try capture() != nil)
        #expect(try database.primary.value("SELECT count(*) FROM u") == .integer(3))
        try expectShippedIsTheDatabase()
    }

    /// A checkpoint that moved everything and could not cut the WAL, because of a reader; then the WAL begins anew with a
    /// transaction that spills into it and is undone.
    @Test func aWALThatBeganAnewWithNothingCommittedIsNotDamaged() throws {
        var options = SQLiteOptions()
        options.pageCacheBytes = 16 << 10
        let database = try SQLiteDatabase(path: directory.file("b.db"), options: options)
        try database.primary.run("CREATE TABLE t (a)")
        for _ in 0..<20 { try database.primary.run("INSERT INTO t VALUES (randomblob(3000))") }
        var sets = [try #require(try database.capture()).pages]
        let reader = try database.makeConnection()
        try reader.run("BEGIN")
        _ = try reader.value("SELECT count(*) FROM t")
        #expect(try database.checkpoint() == false)
        try reader.rollback()
        try database.primary.run("BEGIN")
        for _ in 0..<200 { try database.primary.run("INSERT INTO t VALUES (randomblob(3000))") }
        try database.primary.rollback()
        #expect(try database.capture() == nil)
        try database.primary.run("INSERT INTO t VALUES (7)")
        sets.append(try #require(try database.capture()).pages)
        try Replica(sets, in: directory).expectEqual(to: database)
        #expect(try database.checkpoint())
        try database.closeClean()
    }

    /// Random work on a disk that fails at random: after every capture, what was captured is the database, page by page.
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func whateverFailsWhatIsCapturedIsTheDatabase(seed: UInt64) throws {
        var options = SQLiteOptions()
        options.pageCacheBytes = 16 << 10
        let database = try SQLiteDatabase(path: directory.file("random.db"), options: options)
        var workload = Workload(seed: 9_000 + seed)
        try workload.prepare(database.primary)
        // With a long WAL, its index grows under the workload as well.
        if seed % 2 == 0 {
            try database.primary.run("CREATE TABLE filler (a)")
            try database.primary.run("INSERT INTO filler VALUES (0)")
            while try database.walIndex().frameCount < Self.firstRegion - 40 { try database.primary.run("UPDATE filler SET a = a + 1") }
        }
        var sets: [PageSet] = []
        var faults = 0
        for step in 0..<50 {
            let connection = try #require(try database.takeConnection() as? SQLiteConnection)
            if workload.chance(40) {
                let target = DiskFaults.Target.allCases[workload.number(0...2)]
                faults += try DiskFaults.with(
                    workload.chance(50) ? ENOSPC : EIO, on: target, of: database.path, sparing: workload.number(0...60), partial: workload.chance(50)
                ) { () throws in
                    do { try workload.step(connection) } catch is SQLError {}
                    if workload.chance(30) { do { _ = try database.checkpoint() } catch is CaptureError {} }
                    database.giveBack(connection)
                }
            } else {
                try workload.step(connection)
                database.giveBack(connection)
            }
            guard workload.chance(60) else { continue }
            if let changes = try database.capture() {
                if changes.isFull { sets = [] }
                sets.append(changes.pages)
            }
            try Replica(sets, in: directory).expectEqual(to: database, "seed \(seed), step \(step), \(faults) faults")
            if workload.chance(20) { _ = try database.checkpoint(workload.chance(50) ? .restart : .truncate) }
        }
    }
}
