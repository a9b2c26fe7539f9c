import Changesets
import Crypto
import FleetModel
import Testing

@Suite struct BundleCorruptionTests {
    @Test(arguments: [false, true]) func everyFlippedBitIsSeen(compressed: Bool) throws {
        let whole = compressed ? try BundleFuzz.compressed() : BundleFixture.golden
        #expect(throws: Never.self) { try BundleFixture.readAll(whole) }
        for bit in 0..<whole.count * 8 {
            var bytes = whole
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: BundleError.self, "bit \(bit)") { try BundleFixture.readAll(bytes) }
        }
    }

    @Test(arguments: [false, true]) func everyOtherLengthIsRefused(compressed: Bool) throws {
        let whole = compressed ? try BundleFuzz.compressed() : BundleFixture.golden
        for length in 0..<whole.count {
            #expect(throws: BundleError.self, "length \(length)") { try BundleReader.open(Array(whole.prefix(length))) }
            #expect(throws: BundleError.self, "suffix \(length)") { try BundleReader.open(Array(whole.suffix(length))) }
        }
        #expect(throws: BundleError.footerMagicMissing) { try BundleReader.open(whole + [0]) }
        #expect(throws: BundleError.headerMagicMissing) { try BundleReader.open([0] + whole) }
    }

    @Test func anEntryAloneIsVerifiedAsStrictly() throws {
        let whole = try BundleFuzz.compressed()
        let entry = try BundleReader.open(whole).entries[0]
        let stored = Array(try BundleReader.stored(entry, in: whole))
        for bit in 0..<stored.count * 8 {
            var bytes = stored
            bytes[bit / 8] ^= 1 << (bit % 8)
            let error = #expect(throws: BundleError.self) { try entry.changesetBytes(from: bytes[...]) }
            guard case .storedChecksumMismatch(expected: entry.storedChecksum, _) = error else {
                Issue.record("bit \(bit): \(String(describing: error))")
                continue
            }
        }
        for length in 0..<stored.count {
            #expect(throws: BundleError.storedLengthMismatch(expected: entry.storedLength, found: length)) {
                try entry.changesetBytes(from: stored.prefix(length))
            }
        }
    }

    @Test func theIndexIsBoundToItsObject() throws {
        let whole = BundleFixture.golden
        let footer = try BundleReader.footer(fromTail: whole[...], objectSize: UInt64(whole.count))
        let index = whole[Int(footer.indexRange.lowerBound)..<Int(footer.indexRange.upperBound)]
        let header = whole.prefix(BundleReader.headerLength)
        #expect(throws: BundleError.partLengthMismatch(expected: 208, found: 207)) {
            try BundleReader.index(header: header, index: index.dropLast(), footer: footer)
        }
        #expect(throws: BundleError.partLengthMismatch(expected: 96, found: 97)) {
            try BundleReader.index(header: whole.prefix(97), index: index, footer: footer)
        }
        let other = try BundleFuzz.compressed().prefix(BundleReader.headerLength)
        #expect(throws: BundleError.checksumMismatch) {
            try BundleReader.index(header: other, index: index, footer: footer)
        }
        #expect(throws: BundleError.indexMisplaced(offset: 224, length: 208, entryCount: 2, objectSize: 489)) {
            try BundleReader.footer(fromTail: whole[...], objectSize: UInt64(whole.count) + 1)
        }
    }

    /// Changes bytes and makes the footer's checksum right again: what a writer with a defect could have stored.
    static func resealed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes = BundleFixture.golden
        change(&bytes)
        let footer = bytes.count - BundleReader.footerLength
        let index = bytes[224..<footer]
        let sealed = Array(bytes[..<96]) + index + bytes[footer..<footer + 16]
        bytes.replaceSubrange(footer + 16..<footer + 48, with: Array(SHA256.hash(data: sealed)))
        return bytes
    }

    @Test func aRightChecksumIsNotEnough() {
        func refusal(_ change: (inout [UInt8]) -> Void) -> BundleError? {
            do {
                _ = try BundleReader.open(Self.resealed(change))
                return nil
            } catch { return error }
        }
        let row = 224
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0[row + 100] = 2 } == .entryInvalid(index: 0, reason: "its kind is 2"))
        #expect(refusal { $0[row + 101] = 9 } == .entryInvalid(index: 0, reason: "its compression is 9"))
        #expect(refusal { $0[row + 103] = 1 } == .entryInvalid(index: 0, reason: "its reserved bytes are not zero"))
        #expect(
            refusal { $0[row + 104 + 31] = 0 }
                == .entryInvalid(index: 1, reason: "its first seq is 0; changesets count from 1"))
        #expect(refusal { $0[row + 63] += 1 } == .entriesNotContiguous(index: 0))
        #expect(refusal { $0[row + 104 + 71] -= 1; $0[row + 104 + 79] -= 1 } == .entriesNotContiguous(index: 2))
        #expect(refusal { $0[33] = UInt8(ascii: "N") } == .nodeNameInvalid)
        #expect(refusal { $0[32] = 5 } == .nodeNameInvalid)
        #expect(refusal { $0[32] = 64 } == .nodeNameInvalid)
        #expect(refusal { $0[32] = 0 } == .nodeNameInvalid)
        #expect(refusal { $0[7] = 2 } == .unsupportedVersion(2))
    }

    @Test func theChangesetIsBoundToItsEntry() throws {
        let whole = BundleFixture.golden
        let entry = try BundleReader.open(whole).entries[1]
        let stored = try BundleReader.stored(entry, in: whole)
        #expect(try entry.changeset(from: stored, profile: .sqlite).seq == 2)
        func refusal(_ change: (inout BundleEntry) -> Void) -> BundleError? {
            var changed = entry
            change(&changed)
            do {
                _ = try changed.changeset(from: stored, profile: .sqlite)
                return nil
            } catch { return error }
        }
        #expect(refusal { $0.lastSeq = 3 } == .changeset(.seqMismatch(expected: 3, found: 2)))
        #expect(refusal { $0.pageSize = 512 } == .changeset(.pageSizeMismatch(expected: 512, found: 4096)))
        #expect(refusal { $0.kind = .snapshot } == .changeset(.markerInSnapshot(endPageCount: 1)))
        #expect(
            refusal { $0.previousChecksum = 1 }
                == .chainMismatch(side: .before, expected: 1, found: 0x2332_A12A_6479_A06C))
        #expect(refusal { $0.checksum = 1 } == .chainMismatch(side: .after, expected: 1, found: 0x7BF0_C569_28FC_C470))
        #expect(refusal { $0.compression = .zstd } == .compression(.notOneFrame(length: stored.count)))
    }
}
