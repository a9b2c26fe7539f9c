/// A text that is compared byte by byte, as engines compare it, to be the key of something.
///
/// Strings are equal when their characters are, however these are composed: what a tenant names, writes or asks for must never be
/// looked up or compared as a plain `String`. A property of a type that is compared is `@ExactText`.
@propertyWrapper
public struct ExactText: Hashable, Sendable {
    public var text: String
    public var wrappedValue: String {
        get { text }
        set { text = newValue }
    }

    public init(_ text: String) { self.text = text }
    public init(wrappedValue: String) { text = wrappedValue }

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
