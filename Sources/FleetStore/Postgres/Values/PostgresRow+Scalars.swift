public import FleetModel
public import Foundation

extension PostgresRow {
    /// An `int8`, `int4`, `int2` or `oid`.
    public func int64(_ column: PostgresColumn) throws(PostgresDecodingError) -> Int64 {
        try required(optionalInt64(column), column)
    }
    public func optionalInt64(_ column: PostgresColumn) throws(PostgresDecodingError) -> Int64? {
        try decode(column, .integer, Self.readInteger)
    }
    public func int(_ column: PostgresColumn) throws(PostgresDecodingError) -> Int {
        Int(try int64(column))
    }

    /// An unsigned number stored as the same 64 bits in an `int8`.
    public func bits(_ column: PostgresColumn) throws(PostgresDecodingError) -> UInt64 {
        UInt64(bitPattern: try int64(column))
    }
    public func optionalBits(_ column: PostgresColumn) throws(PostgresDecodingError) -> UInt64? {
        try optionalInt64(column).map { UInt64(bitPattern: $0) }
    }
    public func epoch(_ column: PostgresColumn) throws(PostgresDecodingError) -> Epoch {
        Epoch(try int64(column))
    }

    /// A floating-point, `numeric` or integer value, as the nearest double.
    public func double(_ column: PostgresColumn) throws(PostgresDecodingError) -> Double {
        try required(optionalDouble(column), column)
    }
    public func optionalDouble(_ column: PostgresColumn) throws(PostgresDecodingError) -> Double? {
        try decode(column, .double) { Double(String(decoding: $0, as: UTF8.self)) }
    }

    public func bool(_ column: PostgresColumn) throws(PostgresDecodingError) -> Bool {
        try required(optionalBool(column), column)
    }
    public func optionalBool(_ column: PostgresColumn) throws(PostgresDecodingError) -> Bool? {
        try decode(column, .bool) { text in
            switch text.first {
            case UInt8(ascii: "t"): true
            case UInt8(ascii: "f"): false
            default: nil
            }
        }
    }

    /// The text form of any type but `bytea`: enums, names, LSNs, … included.
    public func string(_ column: PostgresColumn) throws(PostgresDecodingError) -> String {
        try required(optionalString(column), column)
    }
    public func optionalString(_ column: PostgresColumn) throws(PostgresDecodingError) -> String? {
        try decode(column, .text) { String(decoding: $0, as: UTF8.self) }
    }

    public func uuid(_ column: PostgresColumn) throws(PostgresDecodingError) -> UUID {
        try required(optionalUUID(column), column)
    }
    public func optionalUUID(_ column: PostgresColumn) throws(PostgresDecodingError) -> UUID? {
        try decode(column, .uuid) { HexText.readUUID($0) }
    }
    public func id<Of>(
        _ column: PostgresColumn, as: Identifier<Of>.Type = Identifier<Of>.self
    ) throws(PostgresDecodingError) -> Identifier<Of> {
        Identifier(try uuid(column))
    }
    public func optionalID<Of>(
        _ column: PostgresColumn, as: Identifier<Of>.Type = Identifier<Of>.self
    ) throws(PostgresDecodingError) -> Identifier<Of>? {
        try optionalUUID(column).map { Identifier($0) }
    }

    /// A `timestamptz`; infinities are malformed.
    public func date(_ column: PostgresColumn) throws(PostgresDecodingError) -> Date {
        try required(optionalDate(column), column)
    }
    public func optionalDate(_ column: PostgresColumn) throws(PostgresDecodingError) -> Date? {
        try decode(column, .timestamptz, TimestampText.read)
    }

    /// The text of a `json` or `jsonb` value, for a decoder.
    public func json(_ column: PostgresColumn) throws(PostgresDecodingError) -> [UInt8] {
        try required(optionalJSON(column), column)
    }
    public func optionalJSON(_ column: PostgresColumn) throws(PostgresDecodingError) -> [UInt8]? {
        try decode(column, .json) { Array($0) }
    }

    /// A `bytea`.
    public func bytes(_ column: PostgresColumn) throws(PostgresDecodingError) -> [UInt8] {
        try required(optionalBytes(column), column)
    }
    public func optionalBytes(_ column: PostgresColumn) throws(PostgresDecodingError) -> [UInt8]? {
        try decode(column, .bytea) { text in
            guard text.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "x")]) else { return nil }
            return HexText.readBytes(text.dropFirst(2))
        }
    }

    /// Digits with an optional minus; `nil` outside 64 bits.
    static func readInteger(_ text: some Collection<UInt8>) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = isNegative ? text.dropFirst() : text[...]
        guard !digits.isEmpty else { return nil }
        // Counted downwards, because the smallest number has no positive counterpart.
        var value: Int64 = 0
        for byte in digits {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (tens, tooBig) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tens.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            guard !tooBig, !overflow else { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }
}
