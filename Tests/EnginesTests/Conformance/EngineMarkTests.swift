import Engines
import Changesets
import FleetModel
import Foundation
import Testing

/// A process dies with commits that nobody captured. The next one goes on from the mark of the last capture, if the files prove it.
@Suite(.timeLimit(.minutes(2))) struct EngineMarkTests {
    /// The files as they lie on the disk now, which is what another process finds after this one was killed.
    private func filesLeftBehind(_ bench: EngineBench, as name: String) throws -> String {
        for suffix in ["", "-wal", ".wal"] where bench.directory.exists("source.db" + suffix) {
            try bench.directory.write(try bench.directory.bytes("source.db" + suffix), to: name + suffix)
        }
        return bench.directory.file(name)
    }

    private func insert(_ number: Int, _ database: any EngineDatabase, _ bench: EngineBench) throws {
        try bench.use(database) { _ = try $0.run("INSERT INTO t VALUES (\(number), 'row')") }
    }

    @Test(arguments: EngineUnderTest.all)
    func whatWasNotCapturedIsCapturedByTheNextProcess(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        #expect(database.captureMark == nil, "nothing is captured")
        var sets = [try #require(try database.capture()).pages]
        for round in 0..<6 {
            try insert(round, database, bench)
            if round == 3 {
                sets.append(try #require(try database.capture()).pages)
                try database.checkpoint(above: 1)
                if let moved = try database.capture() { sets.append(moved.pages) }
            }
            let mark = try #require(database.captureMark)
            for number in 0..<(round % 3) { try insert(100 * (round + 1) + number, database, bench) }
            let left = try filesLeftBehind(bench, as: "left\(round).db")
            let next = try bench.engine.open(left, base: .continued(mark))
            #expect(!next.nextCaptureIsFull, "round \(round)")
            var continued = sets
            if let changes = try next.capture() {
                #expect(!changes.isFull)
                continued.append(changes.pages)
            }
            #expect(try bench.rows(at: bench.restore(continued)) == bench.rows(database), "round \(round)")
            // And it goes on.
            try insert(9_999, next, bench)
            continued.append(try #require(try next.capture()).pages)
            #expect(try bench.rows(at: bench.restore(continued)) == bench.rows(next), "round \(round)")
            next.close()
            if let changes = try database.capture() { sets.append(changes.pages) }
        }
    }

    /// Nobody captured anything since the checkpoint, which moved what is captured, or what is not.
    @Test(arguments: EngineUnderTest.all, [false, true])
    func aMarkOutlivesACheckpoint(_ tested: EngineUnderTest, movesUncaptured: Bool) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        var sets = [try #require(try database.capture()).pages]
        try insert(1, database, bench)
        sets.append(try #require(try database.capture()).pages)
        let former = try #require(database.captureMark)
        if movesUncaptured {
            try insert(2, database, bench)
            try database.foldLog()
        } else {
            try database.checkpoint(above: 1)
        }
        let mark = try #require(database.isAsCaptured || !movesUncaptured ? database.captureMark : database.markAfterCheckpoint(former))
        for number in 3..<6 { try insert(number, database, bench) }
        let left = try filesLeftBehind(bench, as: "left.db")
        let next = try bench.engine.open(left, base: .continued(mark))
        #expect(!next.nextCaptureIsFull)
        let changes = try #require(try next.capture())
        #expect(!changes.isFull)
        sets.append(changes.pages)
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database))
        try insert(9_999, next, bench)
        sets.append(try #require(try next.capture()).pages)
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(next))
    }

    /// What was captured behind it is moved, and not published: the mark of what is published leads on from there.
    @Test(arguments: EngineUnderTest.all)
    func aMarkOutlivesACheckpointOfMoreThanIsPublished(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try insert(1, database, bench)
        let published = [try #require(try database.capture()).pages]
        let former = try #require(database.captureMark)
        try insert(2, database, bench)
        _ = try database.capture()
        try database.checkpoint(above: 1)
        let mark = try #require(database.markAfterCheckpoint(former))
        for number in 3..<6 { try insert(number, database, bench) }
        let left = try filesLeftBehind(bench, as: "left.db")
        let next = try bench.engine.open(left, base: .continued(mark))
        #expect(next.isProven)
        var sets = published + [try #require(try next.capture()).pages]
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database))
        try insert(9_999, next, bench)
        sets.append(try #require(try next.capture()).pages)
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(next))
    }

    /// What an open transaction left in the files is not captured.
    @Test(arguments: EngineUnderTest.all)
    func nothingOfATransactionThatDiedIsCaptured(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        var sets = [try #require(try database.capture()).pages]
        let mark = try #require(database.captureMark)
        try insert(1, database, bench)
        let connection = try database.takeConnection()
        try connection.run("BEGIN")
        try connection.run(tested.insert(20_000).replacing("SELECT i,", with: "SELECT i + 10,"))
        let left = try filesLeftBehind(bench, as: "left.db")
        let next = try bench.engine.open(left, base: .continued(mark))
        #expect(!next.nextCaptureIsFull)
        sets.append(try #require(try next.capture()).pages)
        #expect(try bench.rows(at: bench.restore(sets)) == [[.integer(1), .text("row")]])
    }

    enum Doubt: CaseIterable {
        /// A checkpoint moved into the main file what was captured after the mark.
        case checkpointSince
        /// The end of what was captured is missing, as after a power loss.
        case lostEnd
        /// The whole log is.
        case lostLog
        case otherDatabase, garbage
    }

    @Test(arguments: EngineUnderTest.all, Doubt.allCases)
    func whatIsNotProvenIsNotBelieved(_ tested: EngineUnderTest, _ doubt: Doubt) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        _ = try database.capture()
        try insert(1, database, bench)
        _ = try database.capture()
        var mark = try #require(database.captureMark)
        let log = bench.directory.exists("source.db-wal") ? "-wal" : ".wal"
        switch doubt {
        case .checkpointSince:
            try insert(2, database, bench)
            _ = try database.capture()
            try database.checkpoint(above: 1)
            try insert(3, database, bench)
        case .otherDatabase:
            let other = try EngineBench(tested)
            let stranger = try other.newDatabase()
            _ = try stranger.capture()
            try insert(7, stranger, other)
            _ = try stranger.capture()
            mark = try #require(stranger.captureMark)
        case .garbage: mark = CaptureMark(Data("{}".utf8))
        case .lostEnd, .lostLog: break
        }
        let left = try filesLeftBehind(bench, as: "left.db")
        if doubt == .lostEnd {
            let bytes = try bench.directory.bytes("left.db" + log)
            try bench.directory.write(Array(bytes.dropLast(20)), to: "left.db" + log)
        } else if doubt == .lostLog {
            try FileManager.default.removeItem(atPath: left + log)
        }
        // A log with holes may keep the engine from opening the files at all.
        if let next = try? bench.engine.open(left, base: .continued(mark)) { #expect(next.nextCaptureIsFull) }
    }
}
