/// The name clients use for a database: one DNS label, so that it can also be the first label of a host.
public struct DatabaseName: Hashable, Sendable, CustomStringConvertible {
    /// The longest DNS label.
    public static let maximumLength = 63

    public let description: String

    /// - Throws: `BerthError` with code `invalid_database_name`.
    public init(_ text: some StringProtocol) throws(BerthError) {
        guard isLabel(text, maximumLength: Self.maximumLength) else {
            throw BerthError(
                .invalidDatabaseName,
                "“\(text.prefix(80))” cannot name a database. Use 1 to \(Self.maximumLength) characters a–z, 0–9 and "
                    + "“-”, starting and ending with a letter or a digit.")
        }
        self.description = String(text)
    }
}

/// The name of a worker node or manager: one DNS label.
public struct NodeName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let description: String

    /// - Throws: `BerthError` with code `invalid_node_name`.
    public init(_ text: some StringProtocol) throws(BerthError) {
        guard isLabel(text, maximumLength: 63) else {
            throw BerthError(
                .invalidNodeName,
                "“\(text.prefix(80))” cannot name a node. Use 1 to 63 characters a–z, 0–9 and “-”, starting and "
                    + "ending with a letter or a digit.")
        }
        self.description = String(text)
    }

    public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

private func isLabel(_ text: some StringProtocol, maximumLength: Int) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, bytes.count <= maximumLength else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
        (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")) || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
    }
    var last = first
    for byte in bytes {
        guard isAlphanumeric(byte) || byte == UInt8(ascii: "-") else { return false }
        last = byte
    }
    return isAlphanumeric(first) && isAlphanumeric(last)
}

extension DatabaseName: Codable {
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension NodeName: Codable {
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
