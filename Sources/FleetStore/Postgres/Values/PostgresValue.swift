public import FleetModel
public import Foundation

/// One parameter of a statement.
///
/// Sent as text; the server infers the type from the SQL, so write `$1::int8[]` where the context does not say.
public enum PostgresValue: Sendable, Hashable {
    case null
    case text(String)
    case int8(Int64)
    case double(Double)
    case bool(Bool)
    case uuid(UUID)
    case bytea([UInt8])
    /// Rounded to the microsecond, which is what Postgres keeps.
    case timestamptz(Date)
    /// A one-dimensional array; its elements are anything but arrays.
    case elements([PostgresValue])

    /// An unsigned number in an `int8` column: the same 64 bits.
    public static func bits(_ value: UInt64) -> PostgresValue { .int8(Int64(bitPattern: value)) }
    public static func id<Of>(_ value: Identifier<Of>) -> PostgresValue { .uuid(value.uuid) }
    public static func epoch(_ value: Epoch) -> PostgresValue { .int8(value.value) }

    public static func array(_ values: [Int64]) -> PostgresValue { .elements(values.map(PostgresValue.int8)) }
    public static func array(_ values: [String]) -> PostgresValue { .elements(values.map(PostgresValue.text)) }
    public static func array(_ values: [UUID]) -> PostgresValue { .elements(values.map(PostgresValue.uuid)) }
    public static func array(_ values: [Bool]) -> PostgresValue { .elements(values.map(PostgresValue.bool)) }
    public static func array<Of>(_ values: [Identifier<Of>]) -> PostgresValue { .elements(values.map(PostgresValue.id)) }
    public static func array(_ values: [Epoch]) -> PostgresValue { .elements(values.map(PostgresValue.epoch)) }
    public static func array(_ values: [Int64?]) -> PostgresValue { .elements(values.map(PostgresValue.init)) }
    public static func array(_ values: [String?]) -> PostgresValue { .elements(values.map(PostgresValue.init)) }
    public static func array(_ values: [UUID?]) -> PostgresValue { .elements(values.map(PostgresValue.init)) }
    /// Unsigned numbers in an `int8[]`: the same 64 bits each.
    public static func bitsArray(_ values: [UInt64]) -> PostgresValue { .elements(values.map(PostgresValue.bits)) }

    public init(_ value: String?) { self = value.map(PostgresValue.text) ?? .null }
    public init(_ value: Int64?) { self = value.map(PostgresValue.int8) ?? .null }
    public init(_ value: Bool?) { self = value.map(PostgresValue.bool) ?? .null }
    public init(_ value: UUID?) { self = value.map(PostgresValue.uuid) ?? .null }
    public init(_ value: Date?) { self = value.map(PostgresValue.timestamptz) ?? .null }
    public init<Of>(_ value: Identifier<Of>?) { self = value.map(PostgresValue.id) ?? .null }
}

extension PostgresValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int64) { self = .int8(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
}
