import Changesets
import FleetModel
import Testing

@Suite struct ChainVerifierTests {
    static func delta(_ seqs: ClosedRange<UInt64>, _ previous: UInt64, _ checksum: UInt64) -> ChainLink {
        ChainLink(
            kind: .delta, firstSeq: seqs.lowerBound, lastSeq: seqs.upperBound, previousChecksum: previous,
            checksum: checksum)
    }

    static func snapshot(to seq: UInt64, _ checksum: UInt64) -> ChainLink {
        ChainLink(kind: .snapshot, firstSeq: 1, lastSeq: seq, previousChecksum: 0, checksum: checksum)
    }

    static let position = ChainPosition(seq: 5, checksum: 0xAB)

    @Test func followsAChainFromTheOrigin() throws {
        var verifier = ChainVerifier()
        #expect(try verifier.append(Self.delta(1...1, 0, 11)) == ChainPosition(seq: 1, checksum: 11))
        #expect(try verifier.append(Self.delta(2...9, 11, 99)) == ChainPosition(seq: 9, checksum: 99))
        #expect(try verifier.append(Self.delta(10...10, 99, 100)) == ChainPosition(seq: 10, checksum: 100))
        #expect(throws: Never.self) { try verifier.requireEnd(at: ChainPosition(seq: 10, checksum: 100)) }
    }

    @Test func aSnapshotIsWhereAChainCanBegin() throws {
        var verifier = ChainVerifier()
        #expect(try verifier.append(Self.snapshot(to: 40, 7)) == ChainPosition(seq: 40, checksum: 7))
        #expect(try verifier.append(Self.delta(41...41, 7, 8)) == ChainPosition(seq: 41, checksum: 8))
        let late = Self.snapshot(to: 41, 8)
        #expect(throws: ChainError.snapshotInside(after: ChainPosition(seq: 41, checksum: 8), next: late)) {
            try verifier.append(late)
        }
    }

    static let wrong: [(ChainLink, ChainError)] = [
        (delta(7...7, 0xAB, 1), .gap(after: position, next: delta(7...7, 0xAB, 1))),
        (delta(7...9, 1, 2), .gap(after: position, next: delta(7...9, 1, 2))),
        (delta(5...5, 0xAB, 1), .fork(after: position, next: delta(5...5, 0xAB, 1))),
        (delta(4...8, 1, 2), .fork(after: position, next: delta(4...8, 1, 2))),
        (delta(6...6, 0xAC, 1), .mismatch(after: position, next: delta(6...6, 0xAC, 1))),
        (
            ChainLink(kind: .delta, firstSeq: 0, lastSeq: 6, previousChecksum: 0xAB, checksum: 1),
            .emptyRange(
                after: position,
                next: ChainLink(kind: .delta, firstSeq: 0, lastSeq: 6, previousChecksum: 0xAB, checksum: 1))
        ),
        (
            ChainLink(kind: .delta, firstSeq: 6, lastSeq: 5, previousChecksum: 0xAB, checksum: 1),
            .emptyRange(
                after: position,
                next: ChainLink(kind: .delta, firstSeq: 6, lastSeq: 5, previousChecksum: 0xAB, checksum: 1))
        ),
    ]

    @Test(arguments: wrong.indices) func refusesWhatDoesNotFollowAndStaysWhereItWas(_ index: Int) {
        let (link, expected) = Self.wrong[index]
        var verifier = ChainVerifier(from: Self.position)
        #expect(throws: expected) { try verifier.append(link) }
        #expect(verifier.position == Self.position)
    }

    @Test func errorsNameBothNeighbours() {
        let error = ChainError.gap(after: Self.position, next: Self.delta(7...9, 0xCD, 0xEF))
        #expect(
            error.description
                == "after 5@00000000000000ab changesets are missing; the next is changeset 7…9 "
                + "(0x00000000000000cd → 0x00000000000000ef)")
    }

    @Test func anUnbrokenChainThatEndsEarlyIsAnError() throws {
        var verifier = ChainVerifier(from: Self.position)
        try verifier.append(Self.delta(6...6, 0xAB, 1))
        let head = ChainPosition(seq: 7, checksum: 2)
        #expect(throws: ChainError.endsElsewhere(at: ChainPosition(seq: 6, checksum: 1), expected: head)) {
            try verifier.requireEnd(at: head)
        }
    }

    @Test func followsDecodedChangesets() throws {
        func changeset(seq: UInt64, after previous: UInt64, declaredEnd: UInt64? = nil) throws -> Changeset {
            let encoded = try HADBP.encode(
                PageSet(pageSize: 8, endPageCount: 2, contents: [(1, [1])]), profile: .sqlite, seq: seq,
                previousChecksum: previous, createdAt: 0, declaredEndChecksum: declaredEnd)
            return try HADBP.decode(encoded.bytes, profile: .sqlite)
        }
        var verifier = ChainVerifier()
        let first = try changeset(seq: 1, after: 0)
        try verifier.append(first)
        #expect(throws: ChainError.self) { try verifier.append(first) }
        #expect(throws: ChainError.self) { try verifier.append(changeset(seq: 3, after: first.checksum)) }
        // Compacted from 2 to 6: only its previous checksum tells where it begins.
        #expect(throws: ChainError.self) { try verifier.append(changeset(seq: 6, after: 12345, declaredEnd: 66)) }
        try verifier.append(changeset(seq: 6, after: first.checksum, declaredEnd: 66))
        #expect(verifier.position == ChainPosition(seq: 6, checksum: 66))
        try verifier.append(changeset(seq: 7, after: 66))
        #expect(throws: ChainError.self) { try verifier.append(changeset(seq: 7, after: 66, declaredEnd: 67)) }
        #expect(verifier.position.seq == 7)
    }

    @Test func followsTheEntriesOfABundle() throws {
        let entries = try BundleReader.open(BundleFixture.golden).entries
        var verifier = ChainVerifier()
        for entry in entries { try verifier.append(entry) }
        #expect(verifier.position == entries[1].endPosition)
    }
}
