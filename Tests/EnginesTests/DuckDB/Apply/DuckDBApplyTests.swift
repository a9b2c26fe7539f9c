@testable import Engines
import Changesets
import FleetModel
import Testing

@Suite struct DuckDBApplyTests {
    private static let wal = DuckDBFiles.walBase
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Pages, each filled with one value; a length of 0 is an end.
    private func set(_ pages: [(id: UInt64, fill: UInt8, count: Int)]) -> PageSet {
        var set = PageSet(pageSize: 4096, endPageCount: nil)
        for page in pages {
            let start = set.bytes.count
            set.bytes += [UInt8](repeating: page.fill, count: page.count)
            set.pages.append(.init(id: page.id, bytes: start..<set.bytes.count))
        }
        return set
    }

    private func main(_ ids: ClosedRange<UInt64>, _ fill: UInt8) -> [(id: UInt64, fill: UInt8, count: Int)] {
        ids.map { ($0, fill, 4096) } + [(ids.upperBound + 1, 0, 0)]
    }

    private func fills(_ name: String) throws -> [UInt8] {
        let bytes = try directory.bytes(name)
        return stride(from: 0, to: bytes.count, by: 4096).map { bytes[$0] }
    }

    @Test func bothFilesFollowTheSets() throws {
        let builder = try DuckDBFileBuilder(target: directory.file("a"))
        try builder.apply(set(main(0...5, 1) + [(Self.wal, 2, 4096), (Self.wal + 1, 3, 100), (Self.wal + 2, 0, 0)]))
        try builder.apply(set([(4, 9, 4096), (6, 0, 0), (Self.wal + 1, 4, 4096), (Self.wal + 2, 5, 7), (Self.wal + 3, 0, 0)]))
        #expect(!directory.exists("a") && !directory.exists("a.wal"))
        try builder.finish()
        #expect(try fills("a") == [1, 1, 1, 1, 9, 1])
        #expect(try fills("a.wal") == [2, 4, 5])
        #expect(try directory.bytes("a.wal").count == 2 * 4096 + 7)
        #expect(!directory.exists("a.incoming") && !directory.exists("a.incoming.wal"))
        // The main file shrinks, the WAL goes.
        try DuckDBFiles(directory.file("a")).apply([set([(0, 7, 4096), (4, 0, 0), (Self.wal, 0, 0)])])
        #expect(try fills("a") == [7, 1, 1, 1])
        #expect(!directory.exists("a.wal"))
    }

    @Test func finishingReplacesWhatWasThere() throws {
        for name in ["a", "a.wal", "a.wal.checkpoint", "a.wal.recovery", "a.incoming", "a.incoming.wal"] { try directory.write([1], to: name) }
        let builder = try DuckDBFileBuilder(target: directory.file("a"))
        try builder.apply(set(main(0...2, 3)))
        #expect(try directory.bytes("a") == [1])
        try builder.finish()
        #expect(try fills("a") == [3, 3, 3])
        for name in ["a.wal", "a.wal.checkpoint", "a.wal.recovery", "a.incoming", "a.incoming.wal"] { #expect(!directory.exists(name)) }
        #expect(throws: BerthError.self) { try builder.finish() }
    }

    @Test func impossibleSetsAreRefusedBeforeAnythingIsWritten() throws {
        let builder = try DuckDBFileBuilder(target: directory.file("a"))
        try builder.apply(set(main(0...3, 1) + [(Self.wal, 2, 10), (Self.wal + 1, 0, 0)]))
        var wrong: [PageSet] = [
            set([]), set([(0, 5, 4096)]), set([(0, 5, 100), (4, 0, 0)]), set([(2, 0, 0)]), set([(1, 5, 4096), (0, 5, 4096), (4, 0, 0)]),
            set([(1, 5, 4096), (1, 5, 4096), (4, 0, 0)]), set([(1, 0, 0), (4, 0, 0)]),
            // Pages behind the end, holes, and pages nobody has.
            set([(4, 0, 0), (5, 5, 4096)]), set([(6, 0, 0)]), set([(5, 5, 4096), (6, 0, 0)]), set([(1 << 45, 0, 0)]),
            set([(4, 0, 0), (1 << 50, 0, 0)]), set([(4, 0, 0), (Self.wal, 5, 4096)]), set([(4, 0, 0), (Self.wal + 1, 0, 0)]),
            set([(4, 0, 0), (Self.wal + 2, 5, 4096), (Self.wal + 3, 0, 0)]),
            set([(4, 0, 0), (Self.wal, 5, 4096), (Self.wal + 3, 0, 0)]),
            set([(4, 0, 0), (Self.wal, 5, 9), (Self.wal + 1, 5, 4096), (Self.wal + 2, 0, 0)]),
            set([(4, 0, 0), (Self.wal, 5, 4096), (Self.wal + 2, 5, 4096), (Self.wal + 3, 0, 0)]),
        ]
        wrong.append(PageSet(pageSize: 8192, endPageCount: nil, pages: [.init(id: 4, bytes: 0..<0)]))
        wrong.append(PageSet(pageSize: 4096, endPageCount: 4, pages: [.init(id: 4, bytes: 0..<0)]))
        wrong.append(PageSet(pageSize: 4096, endPageCount: nil, pages: [.init(id: 0, bytes: 0..<4096), .init(id: 4, bytes: 0..<0)]))
        for (number, set) in wrong.enumerated() {
            let error = #expect(throws: BerthError.self, "set \(number)") { try builder.apply(set) }
            #expect(error?.code == .dataCorrupt, "set \(number)")
        }
        try builder.finish()
        #expect(try fills("a") == [1, 1, 1, 1])
        #expect(try directory.bytes("a.wal") == [UInt8](repeating: 2, count: 10))
    }

    @Test func verifyingNamesWhatItFinds() throws {
        let source = try DuckDBDatabase(directory.file("a"))
        try source.primary.run("CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS s FROM range(100000) r(i)")
        try source.primary.runTrusted("CHECKPOINT")
        _ = try source.capture()
        try source.closeClean()
        try DuckDBDatabase.verify(source.path, library: .forTests(), options: DuckDBOptions())
        var bytes = try directory.bytes("a")
        let last = bytes.count - 200_000
        bytes[last] ^= 1
        try directory.write(bytes, to: "damaged")
        let error = #expect(throws: SQLError.self) {
            try DuckDBDatabase.verify(directory.file("damaged"), library: .forTests(), options: DuckDBOptions())
        }
        #expect(error?.code == "DUCKDB_DATA_CORRUPTION")
        let missing = #expect(throws: SQLError.self) {
            try DuckDBDatabase.verify(directory.file("none"), library: .forTests(), options: DuckDBOptions())
        }
        #expect(missing?.code == "DUCKDB_IO")
        #expect(!directory.exists("none"))
    }
}
