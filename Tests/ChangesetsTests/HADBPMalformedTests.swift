import Changesets
import Crypto
import Testing

/// Every way a changeset can be wrong has its own error. Bytes are put together here field by field, with a right
/// checksum, so that the codec under test has no part in making them.
@Suite struct HADBPMalformedTests {
    struct Raw: Sendable {
        var magic = Array("HADBP".utf8)
        var version: UInt8 = 1
        var flags: UInt8 = 0x01
        var width: UInt8 = 4
        var pageSize: UInt32 = 8
        var seq: UInt64 = 5
        var previous: UInt64 = 77
        var count: UInt32?
        var declaredEnd: [UInt8] = []
        var entries: [(id: UInt64, data: [UInt8])] = [(2, [1, 2]), (4, [])]
        var trailing: [UInt8] = []

        var bytes: [UInt8] {
            var header = magic + [version, flags, width]
            header += big(pageSize) + big(seq) + big(previous) + big(count ?? UInt32(entries.count)) + big(Int64(9))
            let content = entries.flatMap { entry in
                (width == 4 ? big(UInt32(entry.id)) : big(entry.id)) + big(UInt32(entry.data.count)) + entry.data
            }
            let digest = SHA256.hash(data: big(previous) + content)
            return header + declaredEnd + content + digest.prefix(8) + trailing
        }

        private func big(_ value: some FixedWidthInteger) -> [UInt8] {
            stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
        }
    }

    static func raw(_ change: (inout Raw) -> Void) -> Raw {
        var raw = Raw()
        change(&raw)
        return raw
    }

    static let cases: [(Raw, HADBPError)] = [
        (raw { $0.magic = Array("HADBQ".utf8) }, .magicMissing),
        (raw { $0.version = 0 }, .unsupportedVersion(0)),
        (raw { $0.version = 3 }, .unsupportedVersion(3)),
        (raw { $0.width = 5 }, .pageIDWidthInvalid(5)),
        (raw { $0.width = 8 }, .profileMismatch(expectedPageIDWidth: 4, found: 8)),
        (raw { $0.flags = 0x81 }, .flagsInvalid(flags: 0x81, version: 1)),
        (raw { $0.flags = 0x03 }, .flagsInvalid(flags: 0x03, version: 1)),
        (raw { $0.version = 2; $0.declaredEnd = Array(repeating: 1, count: 8) }, .flagsInvalid(flags: 1, version: 2)),
        (raw { $0.pageSize = 0 }, .pageSizeOutOfRange(0)),
        (raw { $0.version = 2; $0.flags = 0x80; $0.entries = [] }, .tooShort(length: 48, minimum: 56)),
        (raw { $0.count = .max }, .pageCountExceedsLength(pageCount: .max, remaining: 26)),
        (raw { $0.count = 3 }, .pageCountExceedsLength(pageCount: 3, remaining: 26)),
        (raw { $0.count = 1 }, .trailingBytes(8)),
        (raw { $0.pageSize = 1 }, .pageTooLong(id: 2, length: 2, pageSize: 1)),
        (raw { $0.trailing = [0] }, .trailingBytes(1)),
        (raw { $0.entries = [(0, [1]), (4, [])] }, .pageIDZero),
        (raw { $0.entries = [(0, [])] }, .pageIDZero),
        (raw { $0.entries = [(3, [1]), (2, [1]), (4, [])] }, .pagesNotAscending(previous: 3, next: 2)),
        (raw { $0.entries = [(2, [1]), (2, [1]), (4, [])] }, .pagesNotAscending(previous: 2, next: 2)),
        (raw { $0.flags = 0 }, .markerWithoutFlag(id: 4)),
        (raw { $0.entries = [(2, [1])] }, .flagWithoutMarker),
        (raw { $0.entries = [] }, .flagWithoutMarker),
        (raw { $0.entries = [(2, [1]), (4, []), (5, [])] }, .secondMarker(first: 4, second: 5)),
        (raw { $0.entries = [(4, []), (4, [])] }, .pagesNotAscending(previous: 4, next: 4)),
        (raw { $0.entries = [(2, []), (3, [1])] }, .pagePastEnd(id: 3, endPageCount: 1)),
        (raw { $0.entries = [(2, [1]), (2, [])] }, .pagePastEnd(id: 2, endPageCount: 1)),
        (raw { $0.flags = 0; $0.previous = 0; $0.entries = [(2, [1])] }, .pageMissing(expected: 1, found: 2)),
        (raw { $0.flags = 0; $0.previous = 0; $0.entries = [(1, [1]), (3, [1])] }, .pageMissing(expected: 2, found: 3)),
    ]

    @Test func theUnchangedOneIsRight() throws {
        let changeset = try decodeBothWays(Raw().bytes, profile: .sqlite, expectedSeq: 5, expectedPageSize: 8)
        #expect(changeset.pages == PageSet(pageSize: 8, endPageCount: 3, contents: [(2, [1, 2])]))
    }

    @Test(arguments: cases.indices) func isRefused(_ index: Int) {
        let (raw, expected) = Self.cases[index]
        #expect(throws: expected) { try decodeBothWays(raw.bytes, profile: .sqlite) }
    }

    @Test func blocksHaveNoMarkerAndWideIDs() {
        #expect(throws: HADBPError.flagsInvalid(flags: 1, version: 1)) {
            try decodeBothWays(Self.raw { $0.width = 8 }.bytes, profile: .blocks)
        }
        #expect(throws: HADBPError.profileMismatch(expectedPageIDWidth: 8, found: 4)) {
            try decodeBothWays(Raw().bytes, profile: .blocks)
        }
    }

    @Test func anEntryRunsIntoTheTrailer() {
        var bytes = Self.raw { $0.entries = [(2, [1, 2, 3, 4])] }.bytes
        bytes[47] = 5
        #expect(throws: HADBPError.trailerTruncated(remaining: 7)) { try decodeBothWays(bytes, profile: .sqlite) }
        bytes[47] = 13
        bytes[11] = 64
        #expect(throws: HADBPError.entryTruncated(index: 0)) { try decodeBothWays(bytes, profile: .sqlite) }
    }

    @Test func theTrailerIsOfSomethingElse() {
        var bytes = Golden.version1
        bytes[bytes.count - 1] ^= 1
        #expect(throws: HADBPError.checksumMismatch(stored: 0x2332_A12A_6479_A06D, computed: 0x2332_A12A_6479_A06C)) {
            try decodeBothWays(bytes, profile: .sqlite)
        }
    }

    @Test func theIndexSaidSomethingElse() {
        #expect(throws: HADBPError.seqMismatch(expected: 6, found: 5)) {
            try decodeBothWays(Raw().bytes, profile: .sqlite, expectedSeq: 6)
        }
        #expect(throws: HADBPError.pageSizeMismatch(expected: 16, found: 8)) {
            try decodeBothWays(Raw().bytes, profile: .sqlite, expectedPageSize: 16)
        }
        #expect(throws: HADBPError.markerInSnapshot(endPageCount: 3)) {
            try decodeBothWays(Raw().bytes, profile: .sqlite, expectedKind: .snapshot)
        }
        let whole = Self.raw { $0.flags = 0; $0.entries = [(1, [1])] }
        #expect(throws: HADBPError.deltaWithoutMarker) {
            try decodeBothWays(whole.bytes, profile: .sqlite, expectedKind: .delta)
        }
        #expect(throws: HADBPError.pageMissing(expected: 1, found: 2)) {
            try decodeBothWays(Golden.version2, profile: .sqlite, expectedKind: .snapshot)
        }
    }

    static let unencodable: [(PageSet, HADBP.Profile, HADBPError)] = [
        (PageSet(pageSize: 8, endPageCount: 1, contents: [(0, [1])]), .sqlite, .pageIDZero),
        (PageSet(pageSize: 8, endPageCount: 9, contents: [(2, [])]), .sqlite, .pageEmpty(id: 2)),
        (PageSet(pageSize: 8, endPageCount: 9, contents: [(2, [1]), (2, [1])]), .sqlite, .pagesNotAscending(previous: 2, next: 2)),
        (PageSet(pageSize: 8, endPageCount: 9, contents: [(10, [1])]), .sqlite, .pagePastEnd(id: 10, endPageCount: 9)),
        (PageSet(pageSize: 8, endPageCount: nil, contents: [(2, [1])]), .sqlite, .pageMissing(expected: 1, found: 2)),
        (
            PageSet(pageSize: 8, endPageCount: nil, contents: [(1 << 32, [1])]), .sqlite,
            .pageIDTooLarge(id: 1 << 32, maximum: 0xFFFF_FFFF)
        ),
        (PageSet(pageSize: 1, endPageCount: 9, contents: [(2, [1, 2])]), .sqlite, .pageTooLong(id: 2, length: 2, pageSize: 1)),
        (PageSet(pageSize: 8, endPageCount: 9, pages: [.init(id: 1, bytes: 0..<1)]), .sqlite, .pageOutsideBuffer(id: 1)),
        (PageSet(pageSize: 0, endPageCount: 9), .sqlite, .pageSizeOutOfRange(0)),
        (PageSet(pageSize: 1 << 32, endPageCount: 9), .sqlite, .pageSizeOutOfRange(1 << 32)),
        (PageSet(pageSize: 8, endPageCount: 0xFFFF_FFFF), .sqlite, .endPageCountNotRepresentable(0xFFFF_FFFF)),
        (PageSet(pageSize: 8, endPageCount: 3), .blocks, .endPageCountNotRepresentable(3)),
    ]

    @Test(arguments: unencodable.indices) func cannotBeEncoded(_ index: Int) {
        let (pages, profile, expected) = Self.unencodable[index]
        #expect(throws: expected) {
            try HADBP.encode(pages, profile: profile, seq: 1, previousChecksum: 0, createdAt: 0)
        }
    }
}
