@testable import Engines
import Changesets
import FleetModel
import Testing

/// What is captured while a database works, applied elsewhere, is that database.
@Suite struct CaptureWorkloadTests {
    /// A page cache of a few pages, so that transactions spill uncommitted frames into the WAL.
    private static var smallCache: SQLiteOptions {
        var options = SQLiteOptions()
        options.pageCacheBytes = 16 << 10
        return options
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func capturesAtRandomPointsRebuildTheDatabase(seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("source.db"), options: Self.smallCache)
        var workload = Workload(seed: seed)
        try workload.prepare(database.primary)
        var sets: [PageSet] = []
        func capture() throws {
            if let changes = try database.capture() {
                #expect(changes.isFull == sets.isEmpty)
                sets.append(changes.pages)
            }
        }
        for step in 0..<60 {
            try workload.step(database.primary)
            if workload.chance(40) { try capture() }
            if workload.chance(10) {
                try capture()
                try Replica(sets, in: directory).expectEqual(to: database, "seed \(seed), step \(step)")
            }
            if workload.chance(15) {
                try capture()
                #expect(try database.checkpoint(workload.chance(50) ? .restart : .truncate))
            }
        }
        try capture()
        #expect(try database.capture() == nil)
        try Replica(sets, in: directory).expectEqual(to: database, "seed \(seed)")
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func capturesWhileOtherConnectionsReadAndWrite(seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("source.db"), options: Self.smallCache)
        var workload = Workload(seed: 1_000 + seed)
        try workload.prepare(database.primary)
        let reader = try database.makeConnection()
        let writer = try database.makeConnection()
        var sets: [PageSet] = []
        func capture() throws { if let changes = try database.capture() { sets.append(changes.pages) } }
        for step in 0..<40 {
            // The reader keeps an old snapshot, so that checkpoints cannot finish.
            if workload.chance(20) {
                if reader.isAutocommit { try reader.run("BEGIN") }
                _ = try reader.value("SELECT count(*) FROM a")
            } else if workload.chance(20) {
                try reader.rollback()
            }
            for _ in 0..<workload.number(1...3) { try workload.change(database.primary, rows: 20) }
            // An open transaction, larger than its cache, while everything else goes on.
            if workload.chance(30) {
                try writer.run("BEGIN IMMEDIATE")
                for _ in 0..<10 { try workload.change(writer, rows: 20) }
            }
            try capture()
            if workload.chance(40) { _ = try database.checkpoint(workload.chance(50) ? .restart : .truncate) }
            if workload.chance(20) {
                try Replica(sets, in: directory).expectEqual(to: database, "seed \(seed), step \(step)")
            }
            if !writer.isAutocommit { try writer.run(workload.chance(50) ? "COMMIT" : "ROLLBACK") }
        }
        try capture()
        try Replica(sets, in: directory).expectEqual(to: database, "seed \(seed)")
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func captureContinuesAfterACleanCloseAndReanchorsAfterACrash(seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("source.db")
        var workload = Workload(seed: 2_000 + seed)
        var sets: [PageSet] = []
        var base = CaptureBase.empty
        for round in 0..<8 {
            let database = try SQLiteDatabase(path: path, base: base, options: Self.smallCache)
            #expect(database.nextCaptureIsFull == (base == .empty))
            try workload.prepare(database.primary)
            for _ in 0..<5 { try workload.step(database.primary) }
            if let changes = try database.capture() {
                if changes.isFull { sets = [] }
                sets.append(changes.pages)
            }
            try Replica(sets, in: directory).expectEqual(to: database, "seed \(seed), round \(round)")
            if workload.chance(50) {
                try database.closeClean()
                #expect(!directory.exists("source.db-wal") && !directory.exists("source.db-shm"))
                base = .restored
            } else {
                // As a crash leaves it, as far as the files go: the WAL stays.
                try workload.step(database.primary)
                database.close()
                base = .empty
            }
        }
    }

    @Test func aFreshDatabaseIsCapturedInFullEvenWithoutACommit() throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("source.db"))
        let first = try #require(try database.capture())
        #expect(first.isFull && first.pages.endPageCount == 1 && first.pages.pages.map(\.id) == [1])
        #expect(try database.capture() == nil)
        try database.primary.run("CREATE TABLE t (a)")
        let second = try #require(try database.capture())
        #expect(!second.isFull && second.pages.endPageCount == 2 && second.pages.pages.map(\.id) == [1, 2])
        try Replica([first.pages, second.pages], in: directory).expectEqual(to: database)
    }

    @Test func onlyTheLastVersionOfAPageIsCaptured() throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("source.db"))
        try database.primary.run("CREATE TABLE t (a)")
        _ = try database.capture()
        for number in Int64(0)..<50 { try database.primary.run("INSERT INTO t VALUES (?)", .integer(number)) }
        let changes = try #require(try database.capture())
        #expect(changes.pages.pages.map(\.id) == [2])
    }

    @Test func aShrinkIsCaptured() throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("source.db"))
        try database.primary.run("CREATE TABLE t (a)")
        try database.primary.run("INSERT INTO t VALUES (zeroblob(1000000))")
        let big = try #require(try database.capture())
        try database.primary.run("DELETE FROM t")
        try database.primary.run("VACUUM")
        let small = try #require(try database.capture())
        #expect(small.pages.endPageCount == 2)
        #expect(small.pages.pages.allSatisfy { $0.id <= 2 })
        try Replica([big.pages, small.pages], in: directory).expectEqual(to: database)
    }

    @Test func nothingOfAnOpenTransactionIsCaptured() throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("source.db"), options: Self.smallCache)
        try database.primary.run("CREATE TABLE t (a)")
        let first = try #require(try database.capture())
        let walBefore = try database.walBytes()
        try database.primary.run("BEGIN")
        for _ in 0..<100 { try database.primary.run("INSERT INTO t VALUES (zeroblob(3000))") }
        #expect(try database.walBytes() > walBefore + 100_000, "the transaction must have spilled")
        #expect(try database.capture() == nil)
        #expect(try database.checkpoint() == false)
        try database.primary.rollback()
        #expect(try database.capture() == nil)
        try database.primary.run("INSERT INTO t VALUES (1)")
        let second = try #require(try database.capture())
        try Replica([first.pages, second.pages], in: directory).expectEqual(to: database)
    }

    @Test(arguments: [512, 1024, 16_384, 65_536])
    func otherPageSizesWork(pageSize: Int) throws {
        let directory = try TemporaryDirectory()
        try PlainSQLite.run(directory.file("source.db"), ["PRAGMA page_size = \(pageSize)", "CREATE TABLE old (a)"])
        let database = try SQLiteDatabase(path: directory.file("source.db"))
        #expect(database.pageSize == pageSize)
        var workload = Workload(seed: UInt64(pageSize))
        try workload.prepare(database.primary)
        var sets: [PageSet] = []
        for _ in 0..<15 {
            try workload.step(database.primary)
            if let changes = try database.capture() { sets.append(changes.pages) }
        }
        try Replica(sets, in: directory).expectEqual(to: database)
    }
}
