import BerthTestKit
import FleetModel
import Foundation
import Hrana
import Testing

@Suite struct BatonTests {
    /// A keyed hash good enough to notice every change of one bit; the real tag is a MAC that callers bring.
    private func tag(_ key: UInt64) -> ([UInt8]) -> [UInt8] {
        { bytes in
            var words = [key, key ^ 0xA5A5_A5A5_A5A5_A5A5]
            for index in words.indices {
                for byte in bytes { words[index] = (words[index] ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            }
            return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
        }
    }

    private let baton = Baton(
        streamID: .max - 1, sequence: 0x0102_0304_0506_0708,
        database: DatabaseID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))),
        epoch: Epoch(42), tokenDigest: [0xAA, 0xBB])

    @Test func hasAStableLayout() {
        let tag = [UInt8](repeating: 0xCC, count: 16)
        #expect(
            baton.encoded(tag: { _ in tag })
                == "Af_________-AQIDBAUGBwgBAgMEBQYHCAkKCwwNDg8QAAAAAAAAACoAAqq7zMzMzMzMzMzMzMzMzMzMzA")
    }

    @Test func thatOfAStreamThatHoldsNothingHasAStableLayout() throws {
        var baton = baton
        baton.counters = SessionCounters(lastInsertRowID: -1, changes: 2, totalChanges: 3)
        let text = baton.encoded(tag: { _ in [UInt8](repeating: 0xCC, count: 16) })
        #expect(
            text == "gv_________-AQIDBAUGBwgBAgMEBQYHCAkKCwwNDg8QAAAAAAAAACr__________wAAAAAAAAACAAAAAAAAAAMAAqq7zMzMzMzMzMzMzMzMzMzMzA")
        // Anybody's will do, but not as one that is known.
        #expect(try Baton(resting: text) == baton)
        #expect(throws: BatonError.forged) { try Baton(decoding: text, tag: tag(1)) }
        #expect(throws: BatonError.malformed) { try Baton(resting: self.baton.encoded(tag: tag(1))) }
        for count in 0..<text.count - 16 * 4 / 3 { #expect(throws: BatonError.self) { try Baton(resting: String(text.prefix(count))) } }
    }

    @Test func comesBackAsItWas() throws {
        var generator = SeededGenerator(seed: 4)
        for length in 0...Baton.maximumDigestLength {
            let original = Baton(
                streamID: generator.next(), sequence: generator.next(), database: .random(using: &generator),
                epoch: Epoch(Int64(bitPattern: generator.next())),
                tokenDigest: (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) },
                counters: length.isMultiple(of: 2)
                    ? nil
                    : SessionCounters(
                        lastInsertRowID: Int64(bitPattern: generator.next()), changes: Int64(bitPattern: generator.next()),
                        totalChanges: Int64(bitPattern: generator.next())))
            let text = original.encoded(tag: tag(9))
            #expect(text.utf8.count <= Baton.maximumEncodedLength)
            #expect(try Baton(decoding: text, tag: tag(9)) == original)
        }
    }

    @Test func anotherKeyIsForged() {
        let text = baton.encoded(tag: tag(1))
        #expect(throws: BatonError.forged) { try Baton(decoding: text, tag: tag(2)) }
    }

    @Test func everyChangedCharacterIsRefused() {
        let original = Array(baton.encoded(tag: tag(1)).utf8)
        for index in original.indices {
            for replacement in utf8("Aw-_9") where replacement != original[index] {
                var changed = original
                changed[index] = replacement
                #expect(throws: BatonError.self) { try Baton(decoding: text(changed), tag: tag(1)) }
            }
        }
    }

    @Test func everyOtherLengthIsRefused() {
        let original = baton.encoded(tag: tag(1))
        for count in 0..<original.count {
            #expect(throws: BatonError.self) { try Baton(decoding: String(original.prefix(count)), tag: tag(1)) }
        }
        #expect(throws: BatonError.self) { try Baton(decoding: original + "A", tag: tag(1)) }
        #expect(throws: BatonError.self) { try Baton(decoding: original + "AA", tag: tag(1)) }
        #expect(throws: BatonError.malformed) { try Baton(decoding: String(repeating: "A", count: 513), tag: tag(1)) }
        #expect(throws: BatonError.malformed) { try Baton(decoding: "not a baton", tag: tag(1)) }
    }

    @Test func aShortTagIsNeverGoodEnough() {
        let short: ([UInt8]) -> [UInt8] = { _ in [1, 2, 3, 4] }
        let none: ([UInt8]) -> [UInt8] = { _ in [] }
        #expect(throws: BatonError.forged) { try Baton(decoding: baton.encoded(tag: short), tag: short) }
        #expect(throws: BatonError.self) { try Baton(decoding: baton.encoded(tag: none), tag: none) }
    }
}
