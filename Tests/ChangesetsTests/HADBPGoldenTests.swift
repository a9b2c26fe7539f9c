@testable import Changesets
import Testing

@Suite struct HADBPGoldenTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var changeset: Changeset
    }

    static let vectors: [Vector] = [
        Vector(
            testDescription: "version 1", bytes: Golden.version1,
            changeset: Changeset(
                profile: .sqlite, version: 1, seq: 1, previousChecksum: 0, createdAt: 0x0102_0304_0506_0708,
                pages: PageSet(pageSize: 4096, endPageCount: nil, contents: [(1, [0xAA, 0xAA, 0xAA, 0xAA])]),
                checksum: 0x2332_A12A_6479_A06C)),
        Vector(
            testDescription: "version 2", bytes: Golden.version2,
            changeset: Changeset(
                profile: .sqlite, version: 2, seq: 2, previousChecksum: 0x2332_A12A_6479_A06C,
                createdAt: 0x1112_1314_1516_1718,
                pages: PageSet(pageSize: 4096, endPageCount: nil, contents: [(2, [0xBB, 0xBB, 0xBB, 0xBB])]),
                checksum: 0x3AAF_D49E_3EC0_5175, declaredEndChecksum: 0xDEAD_BEEF_CAFE_BABE)),
        Vector(
            testDescription: "incremental", bytes: Golden.incremental,
            changeset: Changeset(
                profile: .sqlite, version: 1, seq: 2, previousChecksum: 0x2332_A12A_6479_A06C, createdAt: -1,
                pages: PageSet(pageSize: 512, endPageCount: 3, contents: [(1, [0xCC, 0xCC, 0xCC])]),
                checksum: 0x8581_7898_7E69_A166)),
        Vector(
            testDescription: "compacted incremental", bytes: Golden.compactedIncremental,
            changeset: Changeset(
                profile: .sqlite, version: 2, seq: 12, previousChecksum: 5, createdAt: 1,
                pages: PageSet(pageSize: 512, endPageCount: 2, contents: [(2, [7])]),
                checksum: 0x0199_161F_C6BA_B1F2, declaredEndChecksum: 0xDEAD_BEEF_CAFE_BABE)),
        Vector(
            testDescription: "blocks", bytes: Golden.blocks,
            changeset: Changeset(
                profile: .blocks, version: 1, seq: 9, previousChecksum: 0xFEDC_BA98_7654_3210,
                createdAt: 1_700_000_000_000,
                pages: PageSet(pageSize: 262_144, endPageCount: nil, contents: [(0, [1, 2]), (1 << 40, [])]),
                checksum: 0x713B_523A_61D4_BDA7)),
    ]

    @Test(arguments: vectors) func decodes(_ vector: Vector) throws {
        let expected = vector.changeset
        let decoded = try decodeBothWays(
            vector.bytes, profile: expected.profile, expectedSeq: expected.seq,
            expectedPageSize: expected.pages.pageSize)
        #expect(decoded == expected)
    }

    @Test(arguments: vectors) func encodes(_ vector: Vector) throws {
        let changeset = vector.changeset
        let encoded = try HADBP.encode(
            changeset.pages, profile: changeset.profile, seq: changeset.seq,
            previousChecksum: changeset.previousChecksum, createdAt: changeset.createdAt,
            declaredEndChecksum: changeset.declaredEndChecksum)
        #expect(encoded.bytes == vector.bytes)
        #expect(encoded.checksum == changeset.checksum)
        #expect(encoded.chainChecksum == changeset.chainChecksum)
    }

    @Test func chainValueAfterACompactedChangesetIsTheDeclaredOne() throws {
        #expect(try decodeBothWays(Golden.version2, profile: .sqlite).chainChecksum == 0xDEAD_BEEF_CAFE_BABE)
        #expect(try decodeBothWays(Golden.version1, profile: .sqlite).chainChecksum == 0x2332_A12A_6479_A06C)
    }
}
