/// Bytes as lowercase hexadecimal digits.
enum Hexadecimal {
    static func string(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func random(byteCount: Int) -> String {
        string((0..<byteCount).map { _ in UInt8.random(in: 0...255) })
    }
}
