import FleetModel

/// Base64 (RFC 4648), written without padding and read with or without it.
struct Base64: Sendable {
    /// The alphabet with `+` and `/`.
    static let standard = Base64(lastTwo: "+", "/")
    /// The alphabet with `-` and `_`, for URLs and headers.
    static let url = Base64(lastTwo: "-", "_")

    private static let invalid: UInt8 = 0xFF
    private let characters: [UInt8]
    /// The six bits of every character, `invalid` for all other bytes.
    private let values: [UInt8]

    private init(lastTwo next: Unicode.Scalar, _ last: Unicode.Scalar) {
        var characters: [UInt8] = []
        characters += UInt8(ascii: "A")...UInt8(ascii: "Z")
        characters += UInt8(ascii: "a")...UInt8(ascii: "z")
        characters += UInt8(ascii: "0")...UInt8(ascii: "9")
        characters += [UInt8(ascii: next), UInt8(ascii: last)]
        var values = [UInt8](repeating: Self.invalid, count: 256)
        for (value, character) in characters.enumerated() { values[Int(character)] = UInt8(value) }
        self.characters = characters
        self.values = values
    }

    /// Characters that `count` bytes become.
    static func encodedCount(_ count: Int) -> Int { (count * 4 + 2) / 3 }

    func encode(_ source: [UInt8]) -> String {
        var text = GrowingBytes()
        source.withUnsafeBytes { encode($0, appendingTo: &text) }
        return String(decoding: text.array, as: UTF8.self)
    }

    func encode(_ source: UnsafeRawBufferPointer, appendingTo output: inout GrowingBytes) {
        characters.withUnsafeBufferPointer { characters in
            output.append(atMost: Self.encodedCount(source.count)) { place in
                var target = 0
                var index = 0
                while index < source.count {
                    let left = min(3, source.count - index)
                    var bits = UInt32(source[index]) << 16
                    if left > 1 { bits |= UInt32(source[index + 1]) << 8 }
                    if left > 2 { bits |= UInt32(source[index + 2]) }
                    for position in 0...left {
                        place[target + position] = characters[Int(bits >> UInt32(18 - 6 * position)) & 63]
                    }
                    target += left + 1
                    index += 3
                }
                return target
            }
        }
    }

    /// The bytes of `text`; `nil` for other characters, a wrong length, wrong padding, or bits set after the last byte.
    func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var count = text.count
        while count > 0, text.count - count < 2, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
        guard count == text.count || text.count % 4 == 0, count % 4 != 1 else { return nil }

        let wholeGroups = count / 4
        let rest = count % 4
        var seen: UInt8 = 0
        let decoded = [UInt8](unsafeUninitializedCapacity: count / 4 * 3 + max(0, rest - 1)) { output, initialized in
            values.withUnsafeBufferPointer { values in
                func bits(_ index: Int) -> UInt32 {
                    let value = values[Int(text[index])]
                    seen |= value & 0xC0
                    return UInt32(value)
                }
                for group in 0..<wholeGroups {
                    let index = group * 4
                    let word = bits(index) << 18 | bits(index + 1) << 12 | bits(index + 2) << 6 | bits(index + 3)
                    output.initializeElement(at: group * 3, to: UInt8(truncatingIfNeeded: word >> 16))
                    output.initializeElement(at: group * 3 + 1, to: UInt8(truncatingIfNeeded: word >> 8))
                    output.initializeElement(at: group * 3 + 2, to: UInt8(truncatingIfNeeded: word))
                }
                initialized = wholeGroups * 3
                let index = wholeGroups * 4
                if rest > 0 {
                    let word = bits(index) << 18 | bits(index + 1) << 12 | (rest == 3 ? bits(index + 2) << 6 : 0)
                    for position in 0..<rest - 1 {
                        output.initializeElement(at: initialized, to: UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * position)))
                        initialized += 1
                    }
                    let unused: UInt32 = rest == 2 ? 0xFFFF : 0xFF
                    if word & unused != 0 { seen |= 0xC0 }
                }
            }
        }
        return seen == 0 ? decoded : nil
    }
}
