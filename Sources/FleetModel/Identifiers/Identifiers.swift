public import Foundation

/// A 128-bit identifier that cannot be confused with the identifier of another kind of thing.
///
/// The text form is the lower-case hyphenated UUID, everywhere: Postgres, object names, JSON, logs.
public struct Identifier<Of>: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let uuid: UUID

    public init(_ uuid: UUID) { self.uuid = uuid }

    /// Parses the hyphenated form; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        // Foundation reads the digits like numbers of C, with signs and `0x`.
        guard Self.isHyphenated(text.utf8), let uuid = UUID(uuidString: String(text)) else { return nil }
        self.uuid = uuid
    }

    private static func isHyphenated(_ text: some Sequence<UInt8>) -> Bool {
        var count = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): guard [8, 13, 18, 23].contains(count) else { return false }
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"):
                break
            default: return false
            }
            count += 1
        }
        return count == 36
    }

    public var description: String { uuid.uuidString.lowercased() }

    /// Byte order, which for UUIDv7 is creation order and which Postgres uses for `ORDER BY`.
    public static func < (left: Self, right: Self) -> Bool {
        withUnsafeBytes(of: left.uuid.uuid) { l in
            withUnsafeBytes(of: right.uuid.uuid) { r in l.lexicographicallyPrecedes(r) }
        }
    }

    /// A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then randomness. New rows land at the end of an index.
    public static func timeOrdered(
        now: Date = Date(), using generator: inout some RandomNumberGenerator
    ) -> Self {
        let milliseconds = UInt64(max(0, now.timeIntervalSince1970 * 1000))
        var high = (milliseconds << 16) | 0x7000 | UInt64.random(in: 0...0xFFF, using: &generator)
        var low = (UInt64.random(in: 0...UInt64.max, using: &generator) & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        high = high.bigEndian
        low = low.bigEndian
        return Self(fromHalves: high, low)
    }

    public static func timeOrdered() -> Self {
        var generator = SystemRandomNumberGenerator()
        return timeOrdered(using: &generator)
    }

    /// 122 random bits (UUIDv4), from `generator` so that a simulation can replay them.
    public static func random(using generator: inout some RandomNumberGenerator) -> Self {
        let high = (UInt64.random(in: 0...UInt64.max, using: &generator) & ~0xF000) | 0x4000
        let low = (UInt64.random(in: 0...UInt64.max, using: &generator) & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        return Self(fromHalves: high.bigEndian, low.bigEndian)
    }

    public static func random() -> Self {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    private init(fromHalves high: UInt64, _ low: UInt64) {
        var halves = (high, low)
        self.uuid = withUnsafeBytes(of: &halves) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let parsed = Self(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "“\(text)” is not a UUID"))
        }
        self = parsed
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

public enum DatabaseKind {}
public enum SessionKind {}
public enum CopyKind {}
public enum OperationKindTag {}
public enum TokenKind {}

/// A database for ever: a name may be given to another database after a deletion, the identifier never is.
public typealias DatabaseID = Identifier<DatabaseKind>
/// One life of one process.
public typealias SessionID = Identifier<SessionKind>
/// One set of files of one database on one disk; new after disk loss or wipe.
public typealias CopyID = Identifier<CopyKind>
/// A long action: a move, a drain.
public typealias OperationID = Identifier<OperationKindTag>
/// An admin token (never the secret itself).
public typealias TokenID = Identifier<TokenKind>

extension DatabaseID {
    /// The lease that decides which manager leads. No database ever has this identifier.
    public static let managerLease = DatabaseID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)))
}
