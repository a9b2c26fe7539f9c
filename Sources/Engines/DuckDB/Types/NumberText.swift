/// Numbers and bytes as DuckDB writes them.
enum NumberText {
    static func decimal(_ unscaled: Int128, scale: Int) -> String {
        guard scale > 0 else { return "\(unscaled)" }
        let digits = "\(unscaled.magnitude)"
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
        return (unscaled < 0 ? "-" : "") + padded.dropLast(scale) + "." + padded.suffix(scale)
    }

    /// The first bit is flipped, so that UUIDs compare as signed integers do.
    static func uuid(_ stored: Int128) -> String {
        let bits = UInt128(bitPattern: stored) ^ (1 << 127)
        let digits = String(bits, radix: 16)
        let padded = Array(String(repeating: "0", count: 32 - digits.count) + digits)
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(padded[$0]) }.joined(separator: "-")
    }

    /// The first byte says how many bits of the second one do not count.
    static func bits(_ bytes: UnsafeRawBufferPointer) -> String {
        guard let padding = bytes.first else { return "" }
        var text = ""
        for byte in bytes.dropFirst() {
            for bit in stride(from: 7, through: 0, by: -1) { text += byte >> UInt8(bit) & 1 == 1 ? "1" : "0" }
        }
        return String(text.dropFirst(Int(padding)))
    }

    /// Printable ASCII as it is, everything else as in `\xAB`.
    static func blob(_ bytes: UnsafeRawBufferPointer) -> String {
        let digits = Array("0123456789ABCDEF")
        return bytes.reduce(into: "") { text, byte in
            let isPlain = byte >= 32 && byte <= 126 && ![UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(byte)
            text += isPlain ? String(Unicode.Scalar(byte)) : "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
    }
}
