@testable import Engines
import Changesets
import FleetModel
import Testing

@Suite struct FileWriterTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Pages of 512 bytes, each filled with one value.
    private func set(_ pages: [(id: UInt64, fill: UInt8)], end: UInt64?) -> PageSet {
        PageSet(
            pageSize: 512, endPageCount: end,
            pages: pages.enumerated().map { .init(id: $1.id, bytes: $0 * 512..<($0 + 1) * 512) },
            bytes: pages.flatMap { [UInt8](repeating: $0.fill, count: 512) })
    }

    private func fills(_ name: String) throws -> [UInt8] {
        let bytes = try directory.bytes(name)
        return stride(from: 0, to: bytes.count, by: 512).map { start in
            Set(bytes[start..<min(start + 512, bytes.count)]).count == 1 ? bytes[start] : 255
        }
    }

    @Test func setsAreAppliedInOrder() throws {
        let writer = try SQLiteFileWriter(target: directory.file("a"))
        try writer.apply(set([(1, 1), (2, 2), (3, 3), (5, 5)], end: 6))
        try writer.apply(set([(2, 20), (7, 70)], end: 8))
        try writer.apply(set([(1, 10)], end: 4))
        try writer.apply(set([], end: 5))
        #expect(!directory.exists("a"))
        try writer.finish()
        #expect(try fills("a") == [10, 20, 3, 0, 0])
        #expect(!directory.exists("a.incoming"))
    }

    @Test func aSetWithoutEndIsTheWholeFile() throws {
        let writer = try SQLiteFileWriter(target: directory.file("a"))
        try writer.apply(set([(1, 1), (2, 2), (3, 3)], end: 9))
        try writer.apply(set([(1, 7), (3, 8)], end: nil))
        try writer.finish()
        #expect(try fills("a") == [7, 0, 8])
    }

    @Test func aShortPageEndsInZeros() throws {
        try directory.write([UInt8](repeating: 9, count: 1024), to: "a")
        let short = PageSet(
            pageSize: 512, endPageCount: 2, pages: [.init(id: 1, bytes: 0..<3), .init(id: 2, bytes: 3..<515)],
            bytes: [UInt8](repeating: 4, count: 515))
        try SQLiteFile.applyInPlace([short], to: directory.file("a"))
        let bytes = try directory.bytes("a")
        #expect(bytes[..<3].allSatisfy { $0 == 4 } && bytes[3..<512].allSatisfy { $0 == 0 })
        #expect(bytes[512...].allSatisfy { $0 == 4 } && bytes.count == 1024)
    }

    @Test func finishingReplacesTheFileAndItsWAL() throws {
        for name in ["a", "a-wal", "a-shm", "a-journal", "a.incoming"] { try directory.write([1], to: name) }
        let writer = try SQLiteFileWriter(target: directory.file("a"))
        try writer.apply(set([(1, 3)], end: 1))
        #expect(try directory.bytes("a") == [1] && directory.exists("a-wal"))
        try writer.finish()
        #expect(try fills("a") == [3])
        for name in ["a-wal", "a-shm", "a-journal", "a.incoming"] { #expect(!directory.exists(name)) }
        #expect(throws: BerthError.self) { try writer.finish() }
    }

    @Test func abandoningLeavesTheOldFile() throws {
        try directory.write([1], to: "a")
        try directory.write([2], to: "a-wal")
        do {
            let writer = try SQLiteFileWriter(target: directory.file("a"))
            try writer.apply(set([(1, 3)], end: 1))
        }
        #expect(try directory.bytes("a") == [1] && directory.bytes("a-wal") == [2])
        #expect(!directory.exists("a.incoming"))
    }

    @Test func impossibleSetsAreRefusedBeforeAnythingIsWritten() throws {
        let writer = try SQLiteFileWriter(target: directory.file("a"))
        try writer.apply(set([(1, 1)], end: 1))
        var wrong: [PageSet] = [
            set([(0, 1)], end: 1), set([(2, 1), (1, 1)], end: 2), set([(1, 1), (1, 1)], end: 2), set([(3, 1)], end: 2),
            set([], end: 1 << 32),
        ]
        wrong.append(PageSet(pageSize: 1024, endPageCount: 1))
        wrong.append(PageSet(pageSize: 513, endPageCount: 1))
        wrong.append(PageSet(pageSize: 512, endPageCount: 1, pages: [.init(id: 1, bytes: 0..<513)], bytes: .init(repeating: 0, count: 600)))
        wrong.append(PageSet(pageSize: 512, endPageCount: 1, pages: [.init(id: 1, bytes: 0..<512)], bytes: []))
        for set in wrong {
            let error = #expect(throws: BerthError.self) { try writer.apply(set) }
            #expect(error?.code == .dataCorrupt)
        }
        try writer.finish()
        #expect(try fills("a") == [1])
    }

    @Test func aFollowersFileIsBroughtForwardInPlace() throws {
        let source = try SQLiteDatabase(path: directory.file("source.db"))
        try source.primary.run("CREATE TABLE t (a)")
        let first = try #require(try source.capture())
        let replica = try Replica([first.pages], in: directory)
        for round in 0..<5 {
            try source.primary.run("INSERT INTO t VALUES (zeroblob(20000))")
            let one = try #require(try source.capture())
            if round == 3 { try source.primary.run("DELETE FROM t") }
            try source.primary.run("VACUUM")
            let two = try #require(try source.capture())
            try SQLiteFile.applyInPlace([one.pages, two.pages], to: replica.path)
            try replica.expectEqual(to: source, "round \(round)")
        }
    }

    @Test func aFileWithAWALIsNotChangedInPlace() throws {
        try directory.write([1], to: "a")
        try directory.write([2], to: "a-wal")
        let error = #expect(throws: BerthError.self) {
            try SQLiteFile.applyInPlace([set([(1, 3)], end: 1)], to: directory.file("a"))
        }
        #expect(error?.code == .dataCorrupt)
        #expect(try directory.bytes("a") == [1])
    }

    @Test func aPlaceThatCannotBeWrittenIsADiskError() {
        let error = #expect(throws: BerthError.self) { try SQLiteFileWriter(target: directory.file("no/such/place")) }
        #expect(error?.code == .diskUnavailable)
    }

    @Test func quickCheckFindsDamage() throws {
        let source = try SQLiteDatabase(path: directory.file("a b%#?.db"))
        try source.primary.run("CREATE TABLE t (a PRIMARY KEY)")
        for number in Int64(0)..<500 { try source.primary.run("INSERT INTO t VALUES (?)", .integer(number)) }
        _ = try source.capture()
        try source.closeClean()
        try SQLiteFile.quickCheck(source.path)
        var bytes = try directory.bytes("a b%#?.db")
        for offset in 4096..<4196 { bytes[offset] = 0xA5 }
        try directory.write(bytes, to: "damaged.db")
        let error = #expect(throws: SQLError.self) { try SQLiteFile.quickCheck(directory.file("damaged.db")) }
        #expect(error?.code.hasPrefix("SQLITE_CORRUPT") == true)
        try directory.write([UInt8](repeating: 3, count: 4096), to: "other")
        let other = #expect(throws: SQLError.self) { try SQLiteFile.quickCheck(directory.file("other")) }
        #expect(other?.code == "SQLITE_NOTADB")
    }
}
