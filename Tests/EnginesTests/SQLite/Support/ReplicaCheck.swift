@testable import Engines
import Changesets
import FleetModel
import Foundation
import Testing

/// A copy of a database made of captured page sets, compared with its source.
struct Replica {
    let path: String

    init(_ sets: [PageSet], in directory: TemporaryDirectory, name: String = "replica.db") throws {
        path = directory.file(name)
        let writer = try SQLiteFileWriter(target: path)
        for set in sets { try writer.apply(set) }
        try writer.finish()
    }

    /// Same pages, same rows, sound structure. Nothing of the source may be uncaptured.
    func expectEqual(
        to source: SQLiteDatabase, _ comment: Comment = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try SQLiteFile.quickCheck(path)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let expected = try source.committedPages()
        #expect(bytes.count == expected.bytes.count, comment, sourceLocation: sourceLocation)
        let freeLeaves = Self.freelistLeaves(of: expected)
        let differing = expected.pages.filter { page in
            guard page.bytes.upperBound <= bytes.count, !freeLeaves.contains(page.id) else { return false }
            return bytes.withUnsafeBytes { copy in
                expected.bytes.withUnsafeBytes { source in
                    memcmp(copy.baseAddress! + page.bytes.lowerBound, source.baseAddress! + page.bytes.lowerBound, page.bytes.count) != 0
                }
            }
        }
        #expect(differing.map(\.id) == [], comment, sourceLocation: sourceLocation)
        let reader = try source.makeConnection()
        defer { source.close(reader) }
        let copy = try SQLiteDatabase(path: path, base: .restored)
        // Compared outside the macro, which would describe every value.
        let isSame = try copy.primary.dump() == reader.dump()
        #expect(isSame, comment, sourceLocation: sourceLocation)
        #expect(
            try copy.primary.run("PRAGMA integrity_check").rows == [[.text("ok")]], comment, sourceLocation: sourceLocation)
        try copy.closeClean()
    }

    /// Pages whose content is undefined: SQLite does not log what it frees and does not need.
    ///
    /// Source: "The Freelist" in <https://www.sqlite.org/fileformat2.html>.
    private static func freelistLeaves(of set: PageSet) -> Set<UInt64> {
        func number(_ page: Int, _ offset: Int) -> Int {
            set.bytes[(page - 1) * set.pageSize + offset..<(page - 1) * set.pageSize + offset + 4]
                .reduce(0) { $0 << 8 | Int($1) }
        }
        var leaves: Set<UInt64> = []
        var trunk = set.pages.isEmpty ? 0 : number(1, 32)
        while trunk != 0 {
            for index in 0..<number(trunk, 4) { leaves.insert(UInt64(number(trunk, 8 + 4 * index))) }
            trunk = number(trunk, 0)
        }
        return leaves
    }
}

extension SQLiteDatabase {
    /// A full capture that leaves the database's own watermark where it was.
    func committedPages() throws -> PageSet {
        let before = watermark
        defer { watermark = before }
        return try captureAll().pages
    }
}
