import BerthTestKit
import Changesets

/// The zstd wrapper: four bytes of announced length, then what claims to be a frame.
enum ZstdFuzz {
    static let target = FuzzTarget("zstd", seeds: seeds, words: ["\u{28}"], check: check)

    private static var seeds: [[UInt8]] {
        let contents: [[UInt8]] = [[], [1, 2, 3], Array(repeating: 9, count: 5_000), Array("abcabcabdabe".utf8)]
        return contents.compactMap { content in
            (try? Zstd.compress(content)).map { withUnsafeBytes(of: UInt32(content.count).bigEndian, Array.init) + $0 }
        }
    }

    @Sendable private static func check(_ input: [UInt8]) throws -> FuzzTarget.Verdict {
        guard input.count >= 4 else { return .refused }
        let length = Int(input[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        let raw: [UInt8]
        do throws(ZstdError) { raw = try Zstd.decompress(input[4...], rawLength: length) } catch { return .refused }
        try hold(raw.count == length, "\(raw.count) bytes came out, \(length) were announced")
        try hold(length <= Zstd.maximumRawLength(ofCompressed: input.count - 4), "more came out than is possible")
        for other in [length + 1, length - 1] {
            try hold((try? Zstd.decompress(input[4...], rawLength: other)) == nil, "taken for \(other) bytes, too")
        }
        // Of what is long, the round trip costs time and shows nothing more.
        if length < 100_000 {
            try hold(try Zstd.decompress(Zstd.compress(raw)[...], rawLength: length) == raw, "the round trip changes it")
        }
        return .accepted
    }
}
