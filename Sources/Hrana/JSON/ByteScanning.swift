/// Scans eight bytes per step for the bytes that end or interrupt a plain run of a JSON string.
///
/// Each test leaves the top bit set in the bytes that match. Borrows of the subtractions can only produce a wrong match
/// above a right one, so the lowest match of a little-endian word is always exact.
enum StringBytes {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// The first `"`, `\` or control character in `bytes[start..<end]`, or `end`.
    static func firstSpecial(
        in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) -> (index: Int, isASCII: Bool) {
        var index = start
        var seen: UInt64 = 0
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
            let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
            let special =
                (((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & tops
            if special != 0 {
                let matched = special.trailingZeroBitCount & ~7
                seen |= word & ((1 &<< UInt64(matched)) &- 1)
                return (index &+ matched / 8, seen & tops == 0)
            }
            seen |= word
            index &+= 8
        }
        while index < end {
            let byte = bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            seen |= UInt64(byte)
            index &+= 1
        }
        return (index, seen & tops == 0)
    }
}
