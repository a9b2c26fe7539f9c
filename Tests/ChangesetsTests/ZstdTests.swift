import BerthTestKit
import Changesets
import Testing

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

    @Test func theMaximumIsCheckedFirst() throws {
        let compressed = try Zstd.compress([1, 2, 3])
        #expect(throws: ZstdError.rawLengthExceedsMaximum(rawLength: 3, maximum: 2)) {
            try Zstd.decompress(compressed[...], rawLength: 3, maximumRawLength: 2)
        }
        #expect(throws: ZstdError.rawLengthExceedsMaximum(rawLength: .max, maximum: Zstd.defaultMaximumRawLength)) {
            try Zstd.decompress([], rawLength: .max)
        }
        #expect(throws: ZstdError.rawLengthExceedsMaximum(rawLength: -1, maximum: 2)) {
            try Zstd.decompress(compressed[...], rawLength: -1, maximumRawLength: 2)
        }
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
}
