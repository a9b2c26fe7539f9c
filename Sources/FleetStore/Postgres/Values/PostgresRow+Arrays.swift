public import FleetModel
public import Foundation

extension PostgresRow {
    /// An `int8[]`, `int4[]` or `int2[]` without NULLs; an element that is NULL is malformed, here and below.
    public func int64s(_ column: PostgresColumn) throws(PostgresDecodingError) -> [Int64] {
        try elements(column, .integerArray) { Self.readInteger($0) }
    }

    /// Unsigned numbers stored as the same 64 bits in an `int8[]`.
    public func bitsArray(_ column: PostgresColumn) throws(PostgresDecodingError) -> [UInt64] {
        try int64s(column).map { UInt64(bitPattern: $0) }
    }

    /// A `text[]`, `varchar[]` or `name[]`.
    public func strings(_ column: PostgresColumn) throws(PostgresDecodingError) -> [String] {
        try elements(column, .textArray) { String(decoding: $0, as: UTF8.self) }
    }

    /// The same with NULLs.
    public func optionalStrings(_ column: PostgresColumn) throws(PostgresDecodingError) -> [String?] {
        try required(decode(column, .textArray, ArrayText.read), column)
            .map { text in text.map { String(decoding: $0, as: UTF8.self) } }
    }

    public func uuids(_ column: PostgresColumn) throws(PostgresDecodingError) -> [UUID] {
        try elements(column, .uuidArray) { HexText.readUUID($0) }
    }

    public func ids<Of>(
        _ column: PostgresColumn, as: Identifier<Of>.Type = Identifier<Of>.self
    ) throws(PostgresDecodingError) -> [Identifier<Of>] {
        try uuids(column).map { Identifier($0) }
    }

    private func elements<T>(
        _ column: PostgresColumn, _ type: ExpectedType, _ read: ([UInt8]) -> T?
    ) throws(PostgresDecodingError) -> [T] {
        let elements: [T]? = try decode(column, type) { text in
            guard let texts = ArrayText.read(text) else { return nil }
            var values: [T] = []
            values.reserveCapacity(texts.count)
            for text in texts {
                guard let text, let value = read(text) else { return nil }
                values.append(value)
            }
            return values
        }
        return try required(elements, column)
    }
}
