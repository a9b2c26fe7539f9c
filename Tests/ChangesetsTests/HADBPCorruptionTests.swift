import Changesets
import Testing

@Suite struct HADBPCorruptionTests {
    struct Subject: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var profile: HADBP.Profile
        var seq: UInt64
        var pageSize: Int
        /// What nothing in the format protects: the created time and the declared end of version 2.
        var unprotected: Range<Int>
    }

    static let subjects = [
        Subject(
            testDescription: "snapshot", bytes: Golden.version1, profile: .sqlite, seq: 1, pageSize: 4096,
            unprotected: 32..<40),
        Subject(
            testDescription: "incremental", bytes: Golden.incremental, profile: .sqlite, seq: 2, pageSize: 512,
            unprotected: 32..<40),
        Subject(
            testDescription: "compacted", bytes: Golden.compactedIncremental, profile: .sqlite, seq: 12,
            pageSize: 512, unprotected: 32..<48),
        Subject(
            testDescription: "blocks", bytes: Golden.blocks, profile: .blocks, seq: 9, pageSize: 262_144,
            unprotected: 32..<40),
    ]

    func decode(_ bytes: [UInt8], as subject: Subject) throws -> Changeset {
        try decodeBothWays(
            bytes, profile: subject.profile, expectedSeq: subject.seq, expectedPageSize: subject.pageSize)
    }

    @Test(arguments: subjects) func aFlippedBitIsSeenWhereverTheFormatCan(_ subject: Subject) throws {
        let whole = try decode(subject.bytes, as: subject)
        for bit in 0..<subject.bytes.count * 8 {
            var bytes = subject.bytes
            bytes[bit / 8] ^= 1 << (bit % 8)
            if subject.unprotected.contains(bit / 8) {
                #expect(try decode(bytes, as: subject).pages == whole.pages, "bit \(bit)")
            } else {
                #expect(throws: HADBPError.self, "bit \(bit)") { try decode(bytes, as: subject) }
            }
        }
    }

    @Test(arguments: subjects) func everyOtherLengthIsRefused(_ subject: Subject) {
        for length in 0..<subject.bytes.count {
            #expect(throws: HADBPError.self, "length \(length)") {
                try decode(Array(subject.bytes.prefix(length)), as: subject)
            }
        }
        #expect(throws: HADBPError.trailingBytes(1)) { try decode(subject.bytes + [0], as: subject) }
    }
}
