/// The members that have a meaning in one kind of object, and which of them were read already.
///
/// RFC 8259 leaves open what a repeated name means, and whoever reads the request before or after us may take the other
/// one. So none of these may be there twice; a member without a meaning is skipped however often it comes.
struct KnownMembers: Sendable {
    private let names: [String]
    private var seen: UInt8 = 0

    /// - Precondition: there are at most eight.
    init(_ names: String...) {
        precondition(names.count <= 8, "there is one bit for each of eight members")
        self.names = names
    }

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
        guard let key = try nextKey() else { return nil }
        guard members.note(key) else { throw error(.duplicateMember(key)) }
        return key
    }
}
