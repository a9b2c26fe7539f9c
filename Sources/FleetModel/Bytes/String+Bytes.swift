import Foundation

/// What a text means to engines is in its bytes. Characters may be composed of several: where a mark follows a quote, a separator
/// or a path, `String`'s own functions do not find these.
extension String {
    /// Strings are equal when their characters are, however these are composed; to an engine such texts differ.
    public func hasSameBytes(as other: String) -> Bool {
        utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { other in
                guard own.count == other.count, let start = own.baseAddress, let otherStart = other.baseAddress else {
                    return own.count == other.count
                }
                return start == otherStart || memcmp(start, otherStart, own.count) == 0
            }
        }.flatMap { $0 } ?? utf8.elementsEqual(other.utf8)
    }

    /// How many bytes stand before the first `part`; `nil` when it stands nowhere.
    public func offset(ofBytes part: String) -> Int? {
        var (text, part) = (self, part)
        return text.withUTF8 { text in part.withUTF8 { part in Self.offset(of: part, in: text, from: 0) } }
    }

    /// Whether the bytes of `part` stand in it.
    public func contains(bytesOf part: String) -> Bool { offset(ofBytes: part) != nil }

    /// With `replacement` wherever the bytes of `part`, which is not empty, stand.
    public func replacing(bytesOf part: String, with replacement: String) -> String {
        var (text, sought) = (self, part)
        return text.withUTF8 { text in
            sought.withUTF8 { sought in
                guard var found = Self.offset(of: sought, in: text, from: 0) else { return self }
                var bytes: [UInt8] = []
                bytes.reserveCapacity(text.count + replacement.utf8.count)
                var start = 0
                while true {
                    bytes += text[start..<found]
                    bytes += replacement.utf8
                    start = found + sought.count
                    guard let next = Self.offset(of: sought, in: text, from: start) else { break }
                    found = next
                }
                return String(decoding: bytes + text[start...], as: UTF8.self)
            }
        }
    }

    /// What stands between the bytes that are `separator`.
    ///
    /// - Parameter maxSplits: after so many of them the rest stays whole.
    public func parts(separatedBy separator: UInt8, maxSplits: Int = .max) -> [String] {
        utf8.split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: false).map { String(Substring($0)) }
    }

    /// Without its first byte, which is ASCII.
    public var withoutFirstByte: String { String(Substring(utf8.dropFirst())) }

    private static func offset(
        of part: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int? {
        guard let base = text.baseAddress, let sought = part.baseAddress, !part.isEmpty else { return nil }
        var index = start
        while index + part.count <= text.count {
            guard let found = memchr(base + index, Int32(part[0]), text.count - part.count - index + 1) else { return nil }
            index = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            if memcmp(base + index, sought, part.count) == 0 { return index }
            index += 1
        }
        return nil
    }
}
