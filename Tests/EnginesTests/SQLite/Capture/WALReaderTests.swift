@testable import Engines
import FleetModel
import Testing

/// The reader against WALs that SQLite wrote, and against damage to them.
@Suite struct WALReaderTests {
    typealias Bytes = WALFuzz.Bytes

    /// Page contents after the last commit a reader finds.
    struct Answer: Equatable {
        var pageCount: UInt32?
        var pages: [UInt32: [UInt8]] = [:]
    }

    /// A WAL of four commits with small pages, and what it holds after each of them.
    static func sample(pageSize: Int = 512) throws -> (wal: [UInt8], afterEachCommit: [Answer]) {
        let directory = try TemporaryDirectory()
        try PlainSQLite.run(directory.file("a.db"), ["PRAGMA page_size = \(pageSize)", "CREATE TABLE t (a)"])
        let database = try SQLiteDatabase(path: directory.file("a.db"))
        var answers: [Answer] = [Answer()]
        for sql in [
            "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (zeroblob(900))", "UPDATE t SET a = 3", "CREATE TABLE u (b)",
        ] {
            try database.primary.run(sql)
            answers.append(try read(directory.bytes("a.db-wal")))
        }
        return (try directory.bytes("a.db-wal"), answers)
    }

    static func read(_ wal: [UInt8]) throws -> Answer {
        guard let reader = try WALReader(Bytes(content: wal)) else { return Answer() }
        return try answer(of: reader, reader.scan(from: reader.header.start))
    }

    private static func answer(of reader: WALReader<Bytes>, _ scan: WALScan) throws -> Answer {
        var answer = Answer(pageCount: scan.pageCount)
        for (page, offset) in scan.contentOffsets {
            answer.pages[page] = Array(reader.source.content[offset..<offset + reader.header.pageSize])
        }
        return answer
    }

    @Test func theSampleIsWhatSQLiteSees() throws {
        let (wal, answers) = try Self.sample()
        #expect(try Self.read(wal) == answers.last)
        #expect(Set(answers.map(\.pageCount)).count >= 3 && answers.allSatisfy { $0.pages.count < 10 })
        #expect(try Self.read([]) == Answer())
    }

    @Test func aTruncatedWALEndsAtAnEarlierCommit() throws {
        let (wal, answers) = try Self.sample()
        var seen = 0
        for count in 0...wal.count {
            let answer = try Self.read(Array(wal.prefix(count)))
            #expect(answers[seen...].prefix(2).contains(answer), "after \(count) bytes")
            if answer != answers[seen] { seen += 1 }
        }
        #expect(seen == answers.count - 1)
    }

    /// A flipped bit in a frame ends the log before it; one in the header empties it. Never is a wrong page answered.
    @Test func aFlippedBitNeverGivesWrongPages() throws {
        let (wal, answers) = try Self.sample()
        for offset in wal.indices {
            var damaged = wal
            damaged[offset] ^= 1 << UInt8(offset % 8)
            let answer = try Self.read(damaged)
            #expect(answers.dropLast().contains(answer), "bit flipped in byte \(offset)")
        }
    }

    @Test func readingGoesOnFromEveryCommit() throws {
        let (wal, answers) = try Self.sample()
        let reader = try #require(try WALReader(Bytes(content: wal)))
        var cursor = reader.header.start
        var pages: [UInt32: [UInt8]] = [:]
        var stops = 0
        for count in stride(from: WALHeader.byteCount, through: wal.count, by: reader.header.frameSize) {
            let part = try #require(try WALReader(Bytes(content: Array(wal.prefix(count)))))
            let scan = try part.scan(from: cursor)
            guard scan.pageCount != nil else { continue }
            pages.merge(try Self.answer(of: part, scan).pages) { $1 }
            cursor = scan.end
            stops += 1
            #expect(pages == answers[stops].pages)
        }
        #expect(stops == answers.count - 1)
        #expect(try reader.scan(from: cursor).pageCount == nil)
    }

    /// SQLite writes the byte order of its machine and reads both. The WAL is rewritten in the other one; SQLite itself
    /// recovers it, so the rewriting is right, and our reader must find the same pages.
    @Test func bothByteOrdersAreRead() throws {
        let directory = try TemporaryDirectory()
        try PlainSQLite.run(directory.file("a.db"), ["CREATE TABLE t (a)"])
        let database = try SQLiteDatabase(path: directory.file("a.db"))
        try database.primary.run("INSERT INTO t VALUES ('in the log')")
        try database.primary.run("CREATE TABLE u (b)")
        let wal = try directory.bytes("a.db-wal")
        let other = Self.withOtherByteOrder(wal)
        #expect(other != wal)
        #expect(try Self.read(other) == Self.read(wal))

        let copy = try directory.bytes("a.db")
        try directory.write(copy, to: "b.db")
        try directory.write(other, to: "b.db-wal")
        #expect(try PlainSQLite.run(directory.file("b.db"), ["SELECT a FROM t"]) == ["in the log"])
    }

    static func withOtherByteOrder(_ wal: [UInt8]) -> [UInt8] {
        var other = PlainWAL(wal)
        other.bytes[3] ^= 1
        other.reseal()
        return other.bytes
    }

    @Test func aDamagedWALOpensAsSQLiteWouldOpenIt() throws {
        let directory = try TemporaryDirectory()
        try PlainSQLite.run(directory.file("a.db"), ["CREATE TABLE t (a)"])
        let database = try SQLiteDatabase(path: directory.file("a.db"))
        for number in 0..<6 { try database.primary.run("INSERT INTO t VALUES (?)", .integer(Int64(number))) }
        database.close()
        let main = try directory.bytes("a.db")
        let wal = try directory.bytes("a.db-wal")
        for offset in stride(from: 0, to: wal.count, by: 997) {
            var damaged = wal
            damaged[offset] ^= 0x40
            try directory.write(main, to: "b.db")
            try directory.write(damaged, to: "b.db-wal")
            let opened = try SQLiteDatabase(path: directory.file("b.db"))
            let full = try #require(try opened.capture())
            try Replica([full.pages], in: directory).expectEqual(to: opened, "byte \(offset)")
            opened.close()
        }
    }
}
