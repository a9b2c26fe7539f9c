@testable import Engines
import Changesets
import FleetModel
import Foundation
import Testing

@Suite struct DuckDBCaptureTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// What cannot be told is taken for a commit: one mark too many costs nothing.
    @Test func aLogThatCannotBeLookedAt() throws {
        let database = try DuckDBDatabase(directory.file("a.db"))
        let mark = database.commitMark
        #expect(database.commitMark == mark)
        // A link to itself leads nowhere.
        try FileManager.default.createSymbolicLink(atPath: directory.file("a.db.wal"), withDestinationPath: directory.file("a.db.wal"))
        let marks = [database.commitMark, database.commitMark]
        #expect(Set(marks + [mark]).count == 3)
        try FileManager.default.removeItem(atPath: directory.file("a.db.wal"))
        #expect(database.commitMark == mark)
    }

    @Test(arguments: [(1, 1), (2, 1), (3, 4), (4, 4)] as [(UInt64, Int)])
    func aRestoreEqualsTheSourceAfterEveryCapture(_ seed: UInt64, _ threads: Int) throws {
        var workload = DuckDBWorkload(seed: seed)
        var source = try DuckDBDatabase(directory.file("source.db")) { $0.threads = threads }
        try workload.prepare(source.primary)
        var sets = [try #require(try source.capture()).pages]
        // Brought forward in place beside it, as a follower's copy is.
        let follower = try DuckDBReplica(sets, in: directory, name: "follower.db")
        for step in 0..<24 {
            for _ in 0..<workload.number(1...3) { try workload.step(source.primary) }
            guard let changes = try source.capture() else { continue }
            #expect(!changes.isFull)
            sets.append(changes.pages)
            try DuckDBFiles(follower.path).apply([changes.pages])
            if step % 4 == 0 {
                let expected = try source.primary.dump()
                #expect(try DuckDBReplica(sets, in: directory).dump() == expected, "seed \(seed), step \(step)")
                let copy = directory.file("opened.db")
                try copyFiles(follower.path, to: copy)
                let opened = try DuckDBDatabase(copy, base: .restored)
                #expect(try opened.primary.dump() == expected, "seed \(seed), step \(step), in place")
                opened.close()
            }
            if workload.chance(20) {
                // Closed and opened again: the chain goes on where it stood.
                let expected = try source.primary.dump()
                try source.closeClean()
                source = try DuckDBDatabase(directory.file("source.db"), base: .restored) { $0.threads = threads }
                #expect(try source.primary.dump() == expected)
                #expect(!source.nextCaptureIsFull)
            }
            if workload.chance(20) {
                try source.checkpoint(above: 1)
                #expect(try source.walBytes() == 0)
            }
        }
        #expect(try DuckDBReplica(sets, in: directory).dump() == source.primary.dump())
    }

    private func copyFiles(_ path: String, to target: String) throws {
        for suffix in ["", ".wal"] {
            try? FileManager.default.removeItem(atPath: target + suffix)
            if FileManager.default.fileExists(atPath: path + suffix) { try FileManager.default.copyItem(atPath: path + suffix, toPath: target + suffix) }
        }
    }

    @Test func whatIsNotCommittedIsNeverCaptured() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t (a BIGINT)")
        let first = try #require(try source.capture())
        #expect(first.isFull)
        #expect(try source.capture() == nil)
        try source.primary.run("BEGIN")
        // Large enough that its blocks are in the file already.
        let before = try #require(try FileSystem.size(source.path))
        try source.primary.run("INSERT INTO t SELECT (hash(i) % 4000000000)::BIGINT FROM range(2000000) r(i)")
        #expect(try #require(try FileSystem.size(source.path)) > before)
        #expect(try source.capture() == nil)
        let other = try source.makeConnection()
        try other.run("CREATE TABLE u AS SELECT 7 AS n")
        let second = try #require(try source.capture())
        let replica = try DuckDBReplica([first.pages, second.pages], in: directory)
        let copy = try DuckDBDatabase(replica.path, base: .restored)
        #expect(try copy.primary.value("SELECT count(*) FROM t") == .integer(0))
        #expect(try copy.primary.value("SELECT n FROM u") == .integer(7))
        copy.close()
        try source.primary.run("COMMIT")
        let third = try #require(try source.capture())
        #expect(try DuckDBReplica([first.pages, second.pages, third.pages], in: directory).dump() == source.primary.dump())
    }

    /// Capture reads between statements: nothing of DuckDB's may write then, on whatever thread.
    @Test(arguments: [1, 4]) func nothingIsWrittenAfterAStatementHasReturned(_ threads: Int) throws {
        var workload = DuckDBWorkload(seed: 11)
        let source = try DuckDBDatabase(directory.file("a.db")) {
            $0.threads = threads
            $0.memoryBytes = 1 << 30
        }
        try workload.prepare(source.primary)
        func fingerprint() throws -> [[UInt64]] {
            let state = try source.reader.state()
            var status = stat()
            let times = [source.path, source.files.wal].flatMap { path -> [UInt64] in
                guard stat(path, &status) == 0 else { return [0] }
                return [UInt64(status.st_size), UInt64(status.st_mtim.tv_sec), UInt64(status.st_mtim.tv_nsec)]
            }
            return [state.blocks, times, state.headers.bytes.map { UInt64($0) }]
        }
        for step in 0..<20 {
            switch step % 5 {
            case 0: try source.primary.run("INSERT INTO a SELECT i, 'row ' || hash(i + \(step)), random() FROM range(250000) t(i)")
            case 1: try source.primary.runTrusted("CHECKPOINT")
            case 2:
                _ = source.primary.error(
                    "INSERT INTO a SELECT i, hash(i)::VARCHAR, 0 FROM range(1000000000) t(i)", .none, StatementLimits(deadline: .now + .milliseconds(60)))
            case 3:
                let cursor = try source.primary.open("SELECT * FROM a ORDER BY hash(id)")
                _ = try cursor.next(atMost: 8, deadline: nil)
                cursor.close()
            default: try workload.step(source.primary)
            }
            let after = try fingerprint()
            // Long enough for another thread to be given its turn many times.
            let end = ContinuousClock.now + .milliseconds(25)
            while ContinuousClock.now < end {
                let later = try fingerprint()
                guard later == after else {
                    Issue.record("step \(step): the files changed although nothing ran")
                    return
                }
                sched_yield()
            }
        }
    }

    @Test func readingChangesNothing() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t AS SELECT * FROM range(1000) r(i)")
        _ = try source.capture()
        try source.primary.run("SELECT sum(i) FROM t")
        try source.primary.run("CREATE TEMP TABLE x AS FROM t")
        #expect(try source.capture() == nil)
    }

    /// The numbering that every stored changeset relies on.
    @Test func pagesAreNumberedByFile() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t (a INT)")
        let full = try #require(try source.capture()).pages
        let wal: UInt64 = 1 << 48
        #expect(full.pageSize == 4096 && full.endPageCount == nil)
        #expect(full.pages.map(\.id) == Array(0...3) + [wal, wal + 1], "three headers, no block yet, and the WAL; each with its end")
        #expect(full.pages[3].bytes.isEmpty && full.pages[5].bytes.isEmpty)
        #expect(try Array(full.bytes[full.pages[4].bytes]) == directory.bytes("a.db.wal"))
        try source.checkpoint(above: 1)
        let next = try #require(try source.capture()).pages
        let blocks = try source.reader.state().blocks.count
        #expect(blocks > 0)
        #expect(next.pages.map(\.id) == Array(0...UInt64(3 + 64 * blocks)) + [wal])
        #expect(next.pages.last?.bytes.isEmpty == true)
        #expect(try Array(next.bytes) == directory.bytes("a.db"))
    }

    @Test func temporaryFilesOfAKilledProcessGo() throws {
        let path = directory.file("a.db.tmp")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try directory.write([1], to: "a.db.tmp/duckdb_temp_storage-0.tmp")
        let source = try DuckDBDatabase(directory.file("a.db"))
        #expect(!directory.exists("a.db.tmp"))
        source.close()
    }

    @Test func aSmallCommitShipsTheEndOfTheWALAlone() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t AS SELECT * FROM range(300000) r(i)")
        try source.primary.runTrusted("CHECKPOINT")
        _ = try source.capture()
        try source.primary.run("INSERT INTO t VALUES (1)")
        let first = try #require(try source.capture()).pages
        try source.primary.run("INSERT INTO t VALUES (2)")
        let second = try #require(try source.capture()).pages
        #expect(second.bytes.count <= 2 * DuckDBFiles.pageSize)
        #expect(first.bytes.count <= 2 * DuckDBFiles.pageSize)
        #expect(second.pages.filter(\.bytes.isEmpty).count == 2)
    }

    @Test func closingCleanLeavesExactlyWhatWasCaptured() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t AS SELECT * FROM range(300000) r(i)")
        #expect(throws: CaptureError.uncaptured(path: source.path)) { try source.closeClean() }
        let set = try #require(try source.capture()).pages
        try source.primary.run("BEGIN")
        try source.primary.run("INSERT INTO t VALUES (1)")
        try source.closeClean()
        let replica = try DuckDBReplica([set], in: directory)
        #expect(try directory.bytes("a.db") == directory.bytes("replica.db"))
        #expect(try directory.bytes("a.db.wal") == directory.bytes("replica.db.wal"))
        try DuckDBDatabase.verify(replica.path, library: .forTests(), options: DuckDBOptions())
        #expect(try directory.bytes("a.db.wal") == directory.bytes("replica.db.wal"), "looking at it leaves it as it is")
        let again = try DuckDBDatabase(source.path, base: .restored)
        #expect(try again.capture() == nil)
    }

    /// A rolled-back insert leaves blocks that nothing refers to. The same insert later writes the same blocks again.
    @Test func blocksOfARolledBackInsertAreNotTakenForCaptured() throws {
        var source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t (a BIGINT)")
        try source.primary.run("CREATE TABLE u AS SELECT (hash(i + 7) % 4000000000)::BIGINT AS a FROM range(300000) r(i)")
        try source.primary.runTrusted("CHECKPOINT")
        var sets = [try #require(try source.capture()).pages]
        let size = try #require(try FileSystem.size(source.path))
        let insert = "INSERT INTO t SELECT (hash(i) % 4000000000)::BIGINT FROM range(2000000) r(i)"
        try source.primary.run("BEGIN")
        try source.primary.run(insert)
        #expect(try #require(try FileSystem.size(source.path)) > size)
        try source.closeClean()
        #expect(try FileSystem.size(source.path) == size)
        source = try DuckDBDatabase(directory.file("a.db"), base: .restored)
        try source.primary.run(insert)
        sets.append(try #require(try source.capture()).pages)
        #expect(try DuckDBReplica(sets, in: directory).dump() == source.primary.dump())
        // Once more, into blocks that were in use and are free.
        try source.primary.run("DELETE FROM t")
        try source.primary.runTrusted("CHECKPOINT")
        sets.append(try #require(try source.capture()).pages)
        try source.primary.run("BEGIN")
        try source.primary.run(insert)
        try source.closeClean()
        source = try DuckDBDatabase(directory.file("a.db"), base: .restored)
        try source.primary.run(insert)
        sets.append(try #require(try source.capture()).pages)
        #expect(try DuckDBReplica(sets, in: directory).dump() == source.primary.dump())
    }

    @Test func aCheckpointWaitsForCaptureAndTransactions() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t (a INT)")
        #expect(throws: CaptureError.uncaptured(path: source.path)) { try source.checkpoint(above: 1) }
        var sets = [try #require(try source.capture()).pages]
        try source.checkpoint(above: 1 << 30)
        #expect(try source.walBytes() > 0)
        let other = try source.makeConnection()
        try other.run("BEGIN")
        try source.checkpoint(above: 1)
        #expect(try source.walBytes() > 0)
        try other.rollback()
        try source.checkpoint(above: 1)
        #expect(try source.walBytes() == 0)
        sets.append(try #require(try source.capture()).pages)
        #expect(try DuckDBReplica(sets, in: directory).dump() == source.primary.dump())
        #expect(!directory.exists("replica.db.wal"))
    }

    @Test func nothingIsCheckpointedBySizeOrOnClosing() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t (a VARCHAR)")
        _ = try source.capture()
        let headers = try source.reader.headers()
        for _ in 0..<40 { try source.primary.run("INSERT INTO t SELECT repeat('x', 1000) FROM range(1000)") }
        #expect(try source.walBytes() > 32 << 20, "twice the size at which DuckDB would checkpoint by itself")
        let wal = try source.walBytes()
        source.close()
        #expect(try directory.bytes("a.db.wal").count == wal)
        #expect(try DuckDBReader(DuckDBFiles(source.path)).headers() == headers)
    }

    @Test func aDatabaseThatIsOpenIsLockedAndCaptureKeepsTheLock() throws {
        let source = try DuckDBDatabase(directory.file("a.db"))
        try source.primary.run("CREATE TABLE t (a INT)")
        _ = try source.capture()
        try source.primary.run("INSERT INTO t VALUES (1)")
        _ = try source.capture()
        // POSIX locks are a process's own: another one has to look.
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        probe.arguments = [
            "python3", "-c", "import fcntl,sys\nf=open(sys.argv[1],'r+b')\ntry: fcntl.lockf(f, fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept OSError: sys.exit(7)",
            source.path,
        ]
        try probe.run()
        probe.waitUntilExit()
        #expect(probe.terminationStatus == 7)
    }
}
