import BerthTestKit
import FleetModel
import Testing

@testable import Engines

@Suite struct WALFuzzTests {
    @Test func holdsWhateverTheBytes() {
        #expect(WALFuzz.target.run() == [])
    }

    /// Changed WALs whose checksums are right again: SQLite recovers them and moves them into the main file, which must
    /// then hold what our reader found.
    @Test func sqliteRecoversTheSamePages() throws {
        let directory = try TemporaryDirectory()
        let (main, wal) = try Self.sample(in: directory)
        var generator = SeededGenerator(seed: 5)
        let mutator = Mutator(words: [])
        var moved = 0
        for round in 0..<max(60, FuzzTarget.standardRounds / 20) {
            var changed = mutator.mutated([wal], using: &generator)
            WALFuzz.reseal(&changed)
            try directory.write(main, to: "b.db")
            try directory.write(changed, to: "b.db-wal")
            let content = PlainWAL(changed).content()
            // Page 1 itself may be no database any more; then SQLite does not open it.
            guard let answer = try? PlainSQLite.run(directory.file("b.db"), ["PRAGMA wal_checkpoint(TRUNCATE)"]), answer == ["0"]
            else { continue }
            let after = try directory.bytes("b.db")
            var expected = main
            if let content, let pageCount = content.pageCount {
                moved += 1
                let pageSize = try #require(PlainWAL(changed).pageSize)
                for (page, offset) in content.offsets where page <= pageCount {
                    let start = (Int(page) - 1) * pageSize
                    if expected.count < start + pageSize { expected += repeatElement(0, count: start + pageSize - expected.count) }
                    expected.replaceSubrange(start..<start + pageSize, with: changed[offset..<offset + pageSize])
                }
                expected = Array(expected.prefix(Int(pageCount) * pageSize))
            }
            #expect(after.prefix(expected.count) == expected[...], "round \(round)")
        }
        #expect(moved > 20, "most rounds say something")
    }

    /// A main file with pages of 512 bytes and a WAL that SQLite wrote.
    static func sample(in directory: TemporaryDirectory) throws -> (main: [UInt8], wal: [UInt8]) {
        try PlainSQLite.run(directory.file("a.db"), ["PRAGMA page_size = 512", "CREATE TABLE t (a)"])
        let database = try SQLiteDatabase(path: directory.file("a.db"))
        for sql in ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (zeroblob(900))", "UPDATE t SET a = 3", "CREATE TABLE u (b)"] {
            try database.primary.run(sql)
        }
        defer { database.close() }
        return (try directory.bytes("a.db"), try directory.bytes("a.db-wal"))
    }
}
