/// Comparing names as stores do: byte by byte.
///
/// Swift compares strings by canonical equivalence: to it “é” is one string in both of its spellings, to a bucket it is
/// two names.
extension String {
    func precedesInBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
    func startsInBytes(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}

/// A name that hashes and compares by its bytes.
struct NameBytes: Hashable, Comparable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }
    static func < (left: Self, right: Self) -> Bool { left.text.precedesInBytes(right.text) }
    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
