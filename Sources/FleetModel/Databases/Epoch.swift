/// The fencing token of a lease: one more whenever the holder changes, never on a renewal, never reset.
public struct Epoch: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    public let value: Int64

    public init(_ value: Int64) { self.value = value }

    /// Of a lease that nobody has held yet.
    public static let zero = Epoch(0)

    public var next: Epoch { Epoch(value + 1) }
    public var description: String { String(value) }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(Int64.self))
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// A point on a database's chain of changesets: the number of the last changeset and the chain value after it.
///
/// Two copies of a database are equal exactly when their positions are.
public struct ChainPosition: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Number of changesets before and at this point; 0 for a database nothing was written to.
    public var seq: UInt64
    /// The chain value of `.hadbp`: checksum of the changeset `seq`, 0 before the first.
    public var checksum: UInt64

    public init(seq: UInt64, checksum: UInt64) {
        self.seq = seq
        self.checksum = checksum
    }

    /// Before the first changeset.
    public static let origin = ChainPosition(seq: 0, checksum: 0)

    public var description: String {
        let hex = String(checksum, radix: 16)
        return "\(seq)@\(String(repeating: "0", count: 16 - hex.count))\(hex)"
    }
}
