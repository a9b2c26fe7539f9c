import FleetModel

/// The members that have a meaning in one kind of object, and which of them were read already.
///
/// RFC 8259 leaves open what a repeated name means, and whoever reads the request before or after us may take the other
/// one. So none of these may be there twice; a member without a meaning is skipped however often it comes.
struct KnownMembers: Sendable {
    private let names: [String]
    /// The same as numbers, to be compared with bytes.
    private let words: [Word]
    private var seen: UInt8 = 0

    /// A name of up to sixteen bytes.
    private struct Word: Equatable {
        var low: UInt64 = 0
        var high: UInt64 = 0

        @inline(__always)
        init(_ bytes: some Sequence<UInt8>) {
            for byte in bytes {
                high = high << 8 | low >> 56
                low = low << 8 | UInt64(byte)
            }
        }
    }

    /// - Precondition: there are at most eight, of up to sixteen bytes each.
    init(_ names: String...) {
        invariant(names.count <= 8, "there is one bit for each of eight members")
        invariant(names.allSatisfy { (1...16).contains($0.utf8.count) }, "a name fits into sixteen bytes")
        self.names = names
        words = names.map { Word($0.utf8) }
    }

    /// The known name that these bytes spell, which is noted as read; `nil` when there is none, or it was read before.
    @inline(__always)
    fileprivate mutating func take(_ bytes: UnsafeRawBufferPointer.SubSequence) -> String? {
        guard (1...16).contains(bytes.count) else { return nil }
        let word = Word(bytes)
        for index in words.indices where words[index] == word {
            let bit: UInt8 = 1 << UInt8(index)
            guard seen & bit == 0 else { return nil }
            seen |= bit
            return names[index]
        }
        return nil
    }

    /// Notes that the first `count` of the names were read some other way.
    mutating func takeFirst(_ count: Int) { seen |= 1 << UInt8(count) - 1 }

    /// Notes that a key was read; `false` when it is a known one and not the first of its name.
    fileprivate mutating func note(_ key: String) -> Bool {
        guard let index = names.firstIndex(of: key) else { return true }
        let bit: UInt8 = 1 << UInt8(index)
        defer { seen |= bit }
        return seen & bit == 0
    }
}

extension JSONReader {
    /// Reads the next key as ``nextKey()`` does.
    ///
    /// - Throws: ``JSONError`` with `duplicateMember` for a known member's second key.
    mutating func nextKey(of members: inout KnownMembers) throws(JSONError) -> String? {
        guard try advanceToKey() else { return nil }
        // Nearly always a known name, first seen, written plainly: then no string has to be made of it.
        if let (key, end) = plainKey(of: &members) {
            try finishKey(at: end)
            return key
        }
        let key = try readKey()
        guard members.note(key) else { throw error(.duplicateMember(key)) }
        return key
    }
}

extension JSONReader {
    /// The known member whose name comes next, and where its closing quote is; `nil` when it has to be looked at closer.
    private func plainKey(of members: inout KnownMembers) -> (key: String, end: Int)? {
        bytes.withUnsafeBytes { bytes in
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { return nil }
            let start = offset + 1
            var end = start
            // A byte that is escaped or not ASCII is in no known name.
            while end < bytes.count, end - start <= 16, bytes[end] != UInt8(ascii: "\"") { end += 1 }
            guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return nil }
            return members.take(bytes[start..<end]).map { ($0, end) }
        }
    }
}
