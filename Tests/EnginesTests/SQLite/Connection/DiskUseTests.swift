import BerthTestKit
import FleetModel
import Foundation
import Synchronization
import Testing

@testable import Engines

/// What a database takes on the disk beside its main file, and how much of that it may.
@Suite(.timeLimit(.minutes(3))) struct DiskUseTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let limit: Int64 = 4 << 20

    private func database(_ name: String = "a.db", _ change: (inout SQLiteOptions) -> Void = { _ in }, disk: DiskRoom? = nil) throws -> SQLiteDatabase {
        var options = SQLiteOptions()
        options.maximumBytes = Self.limit
        options.freeLogBytes = 0
        options.pageCacheBytes = 64 << 10
        options.keepsTemporaryFiles = true
        change(&options)
        return try SQLiteDatabase(path: directory.file(name), options: options, disk: disk)
    }

    /// With `rows` of some 4 KB each, in a main file without a log.
    private func filled(_ rows: Int, _ name: String = "a.db", _ change: (inout SQLiteOptions) -> Void = { _ in }) throws -> SQLiteDatabase {
        let database = try database(name, change)
        try database.primary.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB, c)")
        try database.primary.run("\(Self.numbers(rows)) INSERT INTO t SELECT i, randomblob(3900), i % 7 FROM n")
        try empty(database)
        return database
    }

    /// The log, into the main file.
    private func empty(_ database: SQLiteDatabase) throws {
        _ = try database.capture()
        #expect(try database.checkpoint(.truncate))
    }

    private static func numbers(_ count: Int) -> String {
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))"
    }

    private func bytes(_ database: SQLiteDatabase, _ suffix: String = "") throws -> Int64 { Int64(try FileSystem.size(database.path + suffix) ?? 0) }

    private func onDisk(_ database: SQLiteDatabase) throws -> Int64 { try bytes(database) + bytes(database, "-wal") }

    // MARK: The log

    /// Its pages would fit: it is the log of one statement that does not.
    @Test(arguments: [
        "INSERT OR REPLACE INTO t SELECT a, randomblob(3900), c FROM t", "CREATE INDEX i ON t (b)",
        "\(numbers(5_000)) INSERT INTO t SELECT i + 100000, randomblob(3900), 0 FROM n",
    ]) func oneStatementCannotMakeTheLogAnyLength(_ sql: String) throws {
        let database = try filled(600)
        let before = try database.primary.dump()
        #expect(database.primary.code(sql) == "SQLITE_FULL")
        #expect(try onDisk(database) <= Self.limit)
        #expect(database.primary.isAutocommit && database.use.temporary == 0)
        #expect(try database.primary.dump() == before)
        // What it left of the log is written over.
        try database.primary.run("INSERT INTO t VALUES (999999, 'small', 1)")
        #expect(try database.primary.value("SELECT count(*) FROM t") == .integer(601))
        #expect(try database.capture() != nil)
        #expect(try onDisk(database) <= Self.limit)
    }

    /// The case of the review: everything is rewritten again and again while somebody reads.
    @Test func aReaderDoesNotMakeTheLogAnyLength() throws {
        let database = try filled(300)
        let reader = try database.makeConnection()
        try reader.run("BEGIN")
        #expect(try reader.value("SELECT count(*) FROM t") == .integer(300))
        var (updates, code) = (0, String?.none)
        while code == nil, updates < 1_000 {
            code = database.primary.code("UPDATE t SET b = randomblob(3900)")
            updates += 1
            _ = try database.capture()
            _ = try database.checkpoint(.truncate)
        }
        #expect(code == "SQLITE_FULL" && updates > 1)
        // One that changes what is there may write all of it into the log, and no more.
        #expect(try bytes(database, "-wal") <= Self.limit)
        #expect(try reader.value("SELECT count(*) FROM t") == .integer(300))
        #expect(database.primary.code("INSERT INTO t VALUES (1000, 1, 1)") == "SQLITE_FULL")
        try reader.run("COMMIT")
        try empty(database)
        try database.primary.run("INSERT INTO t VALUES (1000, 1, 1)")
        #expect(try onDisk(database) < Self.limit)
    }

    @Test func aRefusedStatementLeavesItsTransactionOpen() throws {
        let database = try filled(300)
        for _ in 0..<3 { try database.primary.run("UPDATE t SET b = randomblob(3900)") }
        let connection = database.primary
        try connection.run("BEGIN")
        try connection.run("UPDATE t SET c = 77 WHERE a = 1")
        #expect(connection.code("INSERT INTO t VALUES (1000, 1, 1)") == "SQLITE_FULL")
        #expect(!connection.isAutocommit)
        try connection.run("COMMIT")
        #expect(try connection.value("SELECT c FROM t WHERE a = 1") == .integer(77))
    }

    @Test func theErrorSaysWhatTakesTheRoom() throws {
        let database = try filled(600)
        let error = #expect(throws: SQLError.self) { try database.primary.run("INSERT OR REPLACE INTO t SELECT a, randomblob(3900), c FROM t") }
        #expect(error?.message.contains("log") == true && error?.message.contains("\(Self.limit)") == true)
    }

    @Test func aShortLogDoesNotCount() throws {
        let database = try database { $0.maximumBytes = 64 << 10; $0.freeLogBytes = 8 << 20 }
        try database.primary.run("CREATE TABLE t (a)")
        for number in 0..<200 { try database.primary.run("INSERT INTO t VALUES (?)", .integer(Int64(number))) }
        #expect(try bytes(database, "-wal") > 64 << 10)
    }

    /// What is free in the main file does not count.
    @Test(arguments: [
        "DELETE FROM t", "DELETE FROM t WHERE a % 2 = 0", "DROP TABLE t", "DELETE FROM t WHERE a > 5; VACUUM",
    ]) func aFullDatabaseCanBeMadeSmaller(_ removal: String) throws {
        let database = try filled(1)
        try database.primary.run("CREATE TABLE keep (a)")
        var code: String?
        while code == nil {
            code = database.primary.code("\(Self.numbers(20)) INSERT INTO t (b, c) SELECT randomblob(3900), 1 FROM n")
            try empty(database)
        }
        #expect(code == "SQLITE_FULL")
        try empty(database)
        #expect(try bytes(database) > Self.limit * 9 / 10)
        #expect(try database.primary.value("SELECT sum(length(b)) > 3000000 FROM t") == .integer(1))
        try database.primary.executeScript(removal)
        try empty(database)
        try database.primary.run("INSERT INTO keep VALUES (randomblob(100000))")
        #expect(try bytes(database) <= Self.limit && bytes(database, "-wal") <= Self.limit)
    }

    @Test func severalConnectionsShareIt() throws {
        let database = try filled(600)
        let others = try (0..<3).map { _ in try database.makeConnection() }
        for other in others { #expect(other.code("INSERT OR REPLACE INTO t SELECT a, randomblob(3900), c FROM t") == "SQLITE_FULL") }
        #expect(try onDisk(database) <= Self.limit)
    }

    // MARK: Temporary files

    private static let sort = "SELECT a, b FROM t ORDER BY b"

    @Test func aSortHasAsMuchAsTheTemporaryFilesMay() throws {
        let database = try filled(600) { $0.maximumTemporaryFileBytes = 1 << 20 }
        let error = #expect(throws: SQLError.self) { try database.primary.run(Self.sort) }
        #expect(error?.code == "TEMPORARY_FULL")
        #expect(database.use.temporary == 0)
        #expect(try database.primary.value("SELECT count(*) FROM t") == .integer(600))
        try database.primary.run("UPDATE t SET c = 1 WHERE a = 1")
    }

    /// Reading goes on in a database that is full.
    @Test func aFullDatabaseIsSortedAllTheSame() throws {
        let database = try filled(900)
        #expect(database.primary.code("INSERT OR REPLACE INTO t SELECT a, randomblob(3900), c FROM t") == "SQLITE_FULL")
        #expect(try database.primary.run(Self.sort).rows.count == 900)
        let reader = try #require(try database.readers?.take())
        #expect(try reader.run { connection throws(SQLError) in try connection.execute(SQLStatement(Self.sort), limits: .unlimited) }.rows.count == 900)
        reader.giveBack()
    }

    /// A sort for something that is added counts with everything else.
    @Test func whatIsAddedCountsItsTemporaryFiles() throws {
        let database = try filled(500)
        #expect(database.primary.code("CREATE TABLE u AS SELECT length(b) AS n FROM (\(Self.sort)) LIMIT 5") == nil)
        let full = try filled(800, "b.db")
        #expect(full.primary.code("CREATE TABLE u AS SELECT length(b) AS n FROM (\(Self.sort) LIMIT 100000)") == "SQLITE_FULL")
        #expect(full.use.temporary == 0)
        #expect(try full.primary.value("SELECT count(*) FROM t") == .integer(800))
    }

    @Test func temporaryTablesCount() throws {
        let database = try filled(100) { $0.maximumTemporaryFileBytes = 1 << 20; $0.maximumTemporaryBytes = 1 << 30 }
        let other = try database.makeConnection()
        try other.run("CREATE TEMP TABLE x (a)")
        #expect(other.code("\(Self.numbers(1_000)) INSERT INTO x SELECT randomblob(3900) FROM n") == "TEMPORARY_FULL")
        #expect(database.use.temporary <= 1 << 20)
        try other.resetSession()
        database.close(other)
        #expect(database.use.temporary == 0)
    }

    // MARK: What is counted is what is there

    @Test(arguments: 1...6) func theCountIsRight(_ seed: UInt64) throws {
        let database = try database { $0.maximumBytes = 512 << 10 }
        var workload = Workload(seed: seed)
        try workload.prepare(database.primary)
        var refused = 0
        for _ in 0..<150 {
            do { try workload.step(database.primary) } catch let error as SQLError {
                #expect(error.code == "SQLITE_FULL")
                refused += 1
                try database.primary.rollback()
            }
            if workload.chance(20) { try empty(database) }
            if workload.chance(5) { _ = try database.capture() }
            #expect(try database.use.main == bytes(database) && database.use.log == bytes(database, "-wal") && database.use.temporary == 0)
            #expect(try bytes(database) <= 512 << 10 && bytes(database, "-wal") <= 512 << 10)
        }
        #expect(refused > 0)
        #expect(try database.primary.value("PRAGMA integrity_check") == .text("ok"))
    }

    @Test func aDatabaseThatIsOpenedAgainCountsWhatIsThere() throws {
        let database = try filled(100)
        try database.primary.run("UPDATE t SET b = randomblob(3900)")
        let (main, log) = (database.use.main, database.use.log)
        #expect(main > 0 && log > 0)
        database.close()
        let again = try self.database()
        #expect(again.use.main == main && again.use.log == log)
    }

    // MARK: The disk

    /// It fills up in the middle of a statement.
    @Test func aStatementThatFillsTheDiskIsStopped() throws {
        let free = Mutex<Int64>(100 << 20)
        let isFull = Atomic(false)
        var limits = DiskLimits()
        (limits.minimumFreeBytes, limits.interval, limits.bytesBetweenLooks) = (10 << 20, .zero, 1)
        let disk = DiskRoom(limits) { DiskSpace(totalBytes: 1 << 30, freeBytes: isFull.load(ordering: .relaxed) ? 1 : free.withLock { $0 }) }
        let database = try database(disk: disk)
        try database.primary.run("CREATE TABLE t (a)")
        let before = try onDisk(database)
        // Every look finds less.
        let shrinking = DiskRoom(limits) { free.withLock { $0 -= 1 << 20; return DiskSpace(totalBytes: 1 << 30, freeBytes: $0) } }
        let other = try self.database("b.db", disk: shrinking)
        try other.primary.run("CREATE TABLE t (a)")
        #expect(other.primary.code("\(Self.numbers(500)) INSERT INTO t SELECT randomblob(3900) FROM n") == "NODE_DISK_FULL")
        #expect(try other.primary.value("SELECT count(*) FROM t") == .integer(0))
        #expect(try onDisk(other) < 2 << 20)

        isFull.store(true, ordering: .relaxed)
        #expect(database.primary.code("INSERT INTO t VALUES (1)") == "NODE_DISK_FULL")
        #expect(try onDisk(database) == before)
    }
}
