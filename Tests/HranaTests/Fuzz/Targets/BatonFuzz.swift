import BerthTestKit
import FleetModel
import Foundation

@testable import Hrana

/// Batons that clients send back. The tag is right in every other input, as if the key were known.
enum BatonFuzz {
    static let target = FuzzTarget("baton", seeds: seeds, words: ["A", "_", "-", "=", "+", "/"], reseal: reseal) { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return .refused }
        let baton: Baton
        do throws(BatonError) { baton = try Baton(decoding: text, tag: tag) } catch { return .refused }
        let unpadded = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }.reversed()
        try hold(baton.encoded(tag: tag).utf8.elementsEqual(unpadded), "what was read, written again, is something else")
        try hold((try? Baton(decoding: text, tag: { tag($0 + [0]) })) == nil, "accepted under another key")
        return .accepted
    }

    private static var seeds: [[UInt8]] {
        ([[], [0xAA, 0xBB], Array(repeating: 7, count: 32)] as [[UInt8]]).map { digest in
            let baton = Baton(
                streamID: .max - 1, sequence: 3, database: DatabaseID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))),
                epoch: Epoch(-42), tokenDigest: digest)
            return Array(baton.encoded(tag: tag).utf8)
        }
    }

    /// Noticing every change is all it has to do here.
    @Sendable private static func tag(_ bytes: [UInt8]) -> [UInt8] {
        var words: [UInt64] = [11, 13]
        for index in words.indices {
            for byte in bytes { words[index] = (words[index] ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
    }

    @Sendable private static func reseal(_ text: inout [UInt8]) {
        guard let bytes = text.withUnsafeBufferPointer({ Base64.url.decode($0) }), bytes.count > 16 else { return }
        let payload = Array(bytes.dropLast(16))
        text = Array(Base64.url.encode(payload + tag(payload)).utf8)
    }
}
