/// A text that is compared byte by byte, as engines compare it, to be the key of something.
///
/// Strings are equal when their characters are, however these are composed: what a tenant names, writes or asks for must never be
/// looked up or compared as a plain `String`.
public struct ExactText: Hashable, Sendable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (left: Self, right: Self) -> Bool { left.text.hasSameBytes(as: right.text) }

    public func hash(into hasher: inout Hasher) { hasher.combine(bytesOf: text) }
}

extension Hasher {
    /// Takes the bytes of `text` in, and where they end.
    mutating func combine(bytesOf text: String) {
        var text = text
        text.withUTF8 { bytes in
            combine(bytes.count)
            combine(bytes: UnsafeRawBufferPointer(bytes))
        }
    }
}
