import FleetModel
import Foundation
import Synchronization
import Testing

@testable import Engines

/// What holds of room on the disk, for every engine.
@Suite(.timeLimit(.minutes(3))) struct EngineRoomTests {
    /// The disk of a test: as full as is said.
    private final class Disk: Sendable {
        private let percent = Atomic<Int>(10)

        func isUsed(to percent: Int) { self.percent.store(percent, ordering: .relaxed) }

        var room: DiskRoom {
            var limits = DiskLimits()
            (limits.highWaterPercent, limits.lowWaterPercent, limits.interval) = (90, 80, .zero)
            return DiskRoom(limits) { [self] in DiskSpace(totalBytes: 1_000, freeBytes: Int64(1_000 - 10 * percent.load(ordering: .relaxed))) }
        }
    }

    private static let kinds: [EngineKind] = [.sqlite, .duckdb]

    private func database(_ kind: EngineKind, _ directory: TemporaryDirectory, _ disk: DiskRoom? = nil) throws -> any EngineDatabase {
        let maximumBytes: Int64 = 8 << 20
        let engine: any Engine
        if kind == .sqlite {
            var options = SQLiteOptions()
            (options.maximumBytes, options.freeLogBytes, options.keepsTemporaryFiles) = (maximumBytes, 0, true)
            engine = SQLiteEngine(options: options, disk: disk)
        } else {
            var options = DuckDBOptions()
            (options.maximumBytes, options.memoryBytes, options.maximumTemporaryBytes) = (maximumBytes, 64 << 20, 16 << 20)
            engine = DuckDBEngine(library: try DuckDBLibrary.load(), options: options, disk: disk)
        }
        return try engine.open(directory.file("a.db"), base: .empty)
    }

    private static func bytes(in folder: String) throws -> Int {
        try FileManager.default.subpathsOfDirectory(atPath: folder).reduce(0) { $0 + (try FileSystem.size("\(folder)/\($1)") ?? 0) }
    }

    @Test(arguments: kinds) func nothingGrowsOnADiskThatIsNearlyFull(_ kind: EngineKind) throws {
        let (directory, disk) = (try TemporaryDirectory(), Disk())
        let database = try database(kind, directory, disk.room)
        let connection = try database.takeConnection()
        try connection.executeScript("CREATE TABLE t (a INTEGER, b VARCHAR); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')", limits: .unlimited)
        disk.isUsed(to: 90)
        for sql in ["INSERT INTO t VALUES (4, 'w')", "CREATE TABLE u (a INTEGER)", "INSERT INTO t SELECT * FROM t", "CREATE TABLE v AS SELECT * FROM t"] {
            #expect(connection.code(sql) == "NODE_DISK_FULL", "\(sql)")
        }
        let error = #expect(throws: SQLError.self) {
            let loader = try connection.load(into: "t", columns: nil)
            try loader.append([[.integer(5), .text("v")]], deadline: nil)
            _ = try loader.finish(deadline: nil)
        }
        #expect(error?.code == "NODE_DISK_FULL")
        #expect(connection.isAutocommit)
        // Reading goes on, deleting, capturing, and emptying the log.
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(3))
        try connection.run("DELETE FROM t WHERE a = 3")
        #expect(try database.capture() != nil)
        try database.checkpoint(above: 0)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(2))
        // Below the mark, and not yet far below it.
        disk.isUsed(to: 85)
        #expect(connection.code("INSERT INTO t VALUES (4, 'w')") == "NODE_DISK_FULL")
        disk.isUsed(to: 79)
        try connection.run("INSERT INTO t VALUES (4, 'w')")
        disk.isUsed(to: 85)
        try connection.run("INSERT INTO t VALUES (5, 'w')")
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(4))
        #expect(try database.capture() != nil)
    }

    /// A statement that is refused leaves its transaction as it was, or is not committed with it.
    @Test(arguments: kinds) func nothingOfARefusedStatementIsKept(_ kind: EngineKind) throws {
        let (directory, disk) = (try TemporaryDirectory(), Disk())
        let database = try database(kind, directory, disk.room)
        let connection = try database.takeConnection()
        try connection.run("CREATE TABLE t (a INTEGER)")
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        disk.isUsed(to: 95)
        #expect(connection.code("INSERT INTO t VALUES (2)") == "NODE_DISK_FULL")
        #expect(!connection.isAutocommit)
        try connection.run("COMMIT")
        #expect(try connection.run("SELECT a FROM t").rows == [[.integer(1)]])
    }

    /// What one statement writes: rows, their log, and what a sort does not hold in memory.
    @Test(arguments: kinds) func oneStatementGoesBeyondTheSizeByLittle(_ kind: EngineKind) throws {
        let directory = try TemporaryDirectory()
        let database = try database(kind, directory)
        let connection = try database.takeConnection()
        try connection.run("CREATE TABLE t (a BIGINT, b VARCHAR)")
        let numbers = kind == .sqlite
            ? "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT i FROM n)" : "range(2000000) r(i)"
        let text = kind == .sqlite ? "hex(randomblob(100))" : "md5(i::VARCHAR) || md5((i + 7)::VARCHAR)"
        let isOver = Atomic(false), most = Atomic<Int>(0), path = directory.path
        // Beside it, since what it takes while it runs is gone afterwards.
        let watch = Thread { while !isOver.load(ordering: .relaxed) { most.max((try? Self.bytes(in: path)) ?? 0, ordering: .relaxed) } }
        watch.start()
        for sql in ["INSERT INTO t SELECT i, \(text) FROM \(numbers)", "INSERT INTO t SELECT i, x FROM (SELECT i, \(text) AS x FROM \(numbers)) ORDER BY x"] {
            let code = connection.code(sql)
            #expect(code == (kind == .sqlite ? "SQLITE_FULL" : "DUCKDB_FULL") || code == "TEMPORARY_FULL", "\(code ?? "none")")
        }
        isOver.store(true, ordering: .relaxed)
        // DuckDB is looked at between two tasks, and has temporary files of its own limit.
        #expect(most.load(ordering: .relaxed) < (kind == .sqlite ? 9 : 40) << 20, "\(most.load(ordering: .relaxed))")
        if !connection.isAutocommit { try connection.run("ROLLBACK") }
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(0))
        try connection.run("INSERT INTO t VALUES (1, 'x')")
        _ = try database.capture()
        #expect(try connection.run("SELECT a, b FROM t").rows == [[.integer(1), .text("x")]])
    }
}
