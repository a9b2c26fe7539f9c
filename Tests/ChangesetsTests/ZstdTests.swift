import BerthTestKit
import FleetModel
import Testing

@testable import Changesets

@Suite struct ZstdTests {
    @Test(arguments: UInt64(0)..<20) func roundTrips(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let alphabet = UInt8.random(in: 0...255, using: &generator)
        let raw = (0..<Int.random(in: 0...50_000, using: &generator)).map { _ in
            UInt8.random(in: 0...alphabet, using: &generator)
        }
        let level = Int32.random(in: 1...9, using: &generator)
        let compressed = try Zstd.compress(raw, level: level)
        #expect(try Zstd.decompress(compressed[...], rawLength: raw.count) == raw)
        let embedded = [9, 9] + compressed + [9]
        #expect(try Zstd.decompress(embedded[2..<embedded.count - 1], rawLength: raw.count) == raw)
    }

    @Test func compresses() throws {
        #expect(try Zstd.compress(Array(repeating: 7, count: 100_000)).count < 100)
    }

    /// A forged length cannot make anybody allocate more than the bytes could become.
    @Test func whatIsNotPossibleIsRefusedFirst() throws {
        let compressed = try Zstd.compress([1, 2, 3])
        let possible = Zstd.maximumRawLength(ofCompressed: compressed.count)
        #expect((3...1 << 20).contains(possible))
        for impossible in [-1, possible + 1, .max] {
            #expect(throws: ZstdError.rawLengthExceedsMaximum(rawLength: impossible, maximum: possible)) {
                try Zstd.decompress(compressed[...], rawLength: impossible)
            }
        }
        #expect(Zstd.maximumRawLength(ofCompressed: .max) == .max)
    }

    /// The densest frame there is, put together by hand: each four bytes stand for 128 KiB. Longer than 1 GiB, because a
    /// writer may publish such a changeset.
    @Test func thereIsNoOtherLimit() throws {
        let blocks = (8 << 10) + 1
        // Magic; a window of 128 KiB, no content size; blocks of one repeated byte, the last of them marked.
        var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38]
        for block in 0..<blocks {
            let header = UInt32(128 << 10) << 3 | 1 << 1 | (block == blocks - 1 ? 1 : 0)
            frame += [UInt8(truncatingIfNeeded: header), UInt8(truncatingIfNeeded: header >> 8), UInt8(header >> 16), 7]
        }
        let length = blocks << 17
        #expect(length > 1 << 30 && length <= Zstd.maximumRawLength(ofCompressed: frame.count))
        let entry = BundleEntry(
            database: databaseID(1), epoch: Epoch(1), kind: .delta, firstSeq: 1, lastSeq: 1, previousChecksum: 0, checksum: 1,
            pageSize: 4096, offset: 96, storedLength: UInt64(frame.count), rawLength: UInt64(length), compression: .zstd,
            storedChecksum: BundleEntry.checksum(ofStored: frame[...]), createdAt: 0)
        let raw = try entry.changesetBytes(from: frame[...])
        #expect(raw.count == length && raw[0] == 7 && raw[length - 1] == 7)
    }

    @Test func theLengthMustBeExact() throws {
        let compressed = try Zstd.compress([1, 2, 3])
        for wrong in [0, 2, 4] {
            #expect(throws: ZstdError.rawLengthMismatch(expected: wrong, found: 3)) {
                try Zstd.decompress(compressed[...], rawLength: wrong)
            }
        }
    }

    @Test func onlyOneWholeFrame() throws {
        let compressed = try Zstd.compress(Array(repeating: 5, count: 1000))
        for length in 0..<compressed.count {
            #expect(throws: ZstdError.notOneFrame(length: length)) {
                try Zstd.decompress(compressed.prefix(length), rawLength: 1000)
            }
        }
        for longer in [compressed + [0], compressed + compressed] {
            #expect(throws: ZstdError.notOneFrame(length: longer.count)) {
                try Zstd.decompress(longer[...], rawLength: 1000)
            }
        }
        #expect(throws: ZstdError.notOneFrame(length: 4)) { try Zstd.decompress([1, 2, 3, 4], rawLength: 4) }
    }

    /// Little is always worth the default; of much, what a part of it tells.
    @Test func theLevelWorthItsTime() throws {
        var random = SeededGenerator(seed: 5)
        let noise = (0..<(300 << 10)).map { _ in UInt8.random(in: 0...63, using: &random) }
        let order = (0..<(300 << 10)).map { UInt8(truncatingIfNeeded: $0 / 64) }
        #expect(try Zstd.worthwhileLevel(for: noise) == Zstd.fastLevel)
        #expect(try Zstd.worthwhileLevel(for: order) == Zstd.defaultLevel)
        #expect(try Zstd.worthwhileLevel(for: Array(noise.prefix(200 << 10))) == Zstd.defaultLevel)
        #expect(try Zstd.worthwhileLevel(for: []) == Zstd.defaultLevel)
    }
}
