import Crypto
public import Foundation

/// A watermark in its file: a line of JSON, and in a second line the SHA-256 of the first. It decides which of the files' commits are published
/// and which are not, so one that is not what was written is none.
extension CopyWatermark {
    public func encoded() throws -> Data {
        var data = try JSONEncoder().encode(self)
        data.append(Self.checksum(of: data))
        return data
    }

    /// - Returns: `nil` for bytes that ``encoded()`` did not make.
    public init?(encoded data: Data) {
        guard let end = data.firstIndex(of: Self.newline), Self.checksum(of: data[..<end]) == data[end...],
            let watermark = try? JSONDecoder().decode(Self.self, from: data[..<end]), !watermark.points.isEmpty
        else { return nil }
        self = watermark
    }

    /// The end of the first line and the whole second one.
    static func checksum(of line: Data) -> Data {
        let digits = SHA256.hash(data: line).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        return Data("\n\(digits.joined())\n".utf8)
    }

    private static let newline = UInt8(ascii: "\n")
}
