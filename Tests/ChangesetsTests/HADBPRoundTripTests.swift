import BerthTestKit
@testable import Changesets
import Testing

@Suite struct HADBPRoundTripTests {
    @Test(arguments: UInt64(0)..<60) func whatIsEncodedIsDecoded(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let profile: HADBP.Profile = Bool.random(using: &generator) ? .sqlite : .blocks
        let kind: ChangesetKind = Bool.random(using: &generator) ? .delta : .snapshot
        let pages = PageSet.random(
            profile: profile, kind: kind, pageSize: [1, 512, 4096].randomElement(using: &generator) ?? 1,
            using: &generator)
        let previous = kind == .snapshot ? 0 : UInt64.random(in: 0...UInt64.max, using: &generator)
        let seq = UInt64.random(in: 1...UInt64.max, using: &generator)
        let createdAt = Int64.random(in: Int64.min...Int64.max, using: &generator)
        let declaredEnd = Bool.random(using: &generator) ? UInt64.random(in: 0...UInt64.max, using: &generator) : nil

        let encoded = try HADBP.encode(
            pages, profile: profile, seq: seq, previousChecksum: previous, createdAt: createdAt,
            declaredEndChecksum: declaredEnd)
        if declaredEnd == nil {
            _ = try encodeBothWays(pages, profile: profile, seq: seq, previousChecksum: previous, createdAt: createdAt)
        }
        let expected = Changeset(
            profile: profile, version: declaredEnd == nil ? 1 : 2, seq: seq, previousChecksum: previous,
            createdAt: createdAt, pages: pages, checksum: encoded.checksum, declaredEndChecksum: declaredEnd)
        #expect(
            try decodeBothWays(
                encoded.bytes, profile: profile, expectedSeq: seq, expectedPageSize: pages.pageSize,
                expectedKind: kind) == expected)

        // Where the bytes lie in a larger buffer makes no difference.
        let embedded = [1, 2, 3] + encoded.bytes + [4]
        #expect(try HADBP.decode(embedded[3..<embedded.count - 1], profile: profile) == expected)
    }

    @Test func aSetMayPointAnywhereIntoItsBuffer() throws {
        let scattered = PageSet(
            pageSize: 4, endPageCount: 9, pages: [.init(id: 2, bytes: 4..<6), .init(id: 7, bytes: 0..<4)],
            bytes: [1, 2, 3, 4, 5, 6, 7])
        let encoded = try encodeBothWays(scattered, profile: .sqlite, seq: 1, previousChecksum: 0, createdAt: 0)
        let decoded = try decodeBothWays(encoded.bytes, profile: .sqlite).pages
        #expect(decoded == PageSet(pageSize: 4, endPageCount: 9, contents: [(2, [5, 6]), (7, [1, 2, 3, 4])]))
    }

    @Test func nothingChangedButTheLength() throws {
        for count: UInt64 in [0, 1, UInt64(UInt32.max) - 1] {
            let pages = PageSet(pageSize: 4096, endPageCount: count)
            let encoded = try encodeBothWays(pages, profile: .sqlite, seq: 3, previousChecksum: 4, createdAt: 5)
            #expect(try decodeBothWays(encoded.bytes, profile: .sqlite, expectedKind: .delta).pages == pages)
        }
    }

    @Test func anEmptyFile() throws {
        let pages = PageSet(pageSize: 4096, endPageCount: nil)
        let encoded = try encodeBothWays(pages, profile: .sqlite, seq: 3, previousChecksum: 0, createdAt: 5)
        #expect(encoded.bytes.count == 48)
        #expect(try decodeBothWays(encoded.bytes, profile: .sqlite, expectedKind: .snapshot).pages == pages)
    }
}
