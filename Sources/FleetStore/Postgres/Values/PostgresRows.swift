import FleetModel

/// The rows a statement returned.
public struct PostgresRows: RandomAccessCollection, Sendable {
    private let result: PostgresResult?

    init(_ result: PostgresResult?) { self.result = result }

    public var startIndex: Int { 0 }
    public var endIndex: Int { result?.rowCount ?? 0 }

    public subscript(position: Int) -> PostgresRow {
        guard let result, indices.contains(position) else {
            brokenInvariant("row \(position) of \(count)")
        }
        return PostgresRow(result: result, index: position)
    }

    /// The names of the columns, in order.
    public var columns: [String] { result?.columns ?? [] }

    /// Rows inserted, updated, deleted or selected.
    public var affectedRows: Int { result?.affectedRows ?? 0 }
}

/// A column by name (the first of that name) or by position from 0.
public enum PostgresColumn: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    case name(String)
    case index(Int)

    public init(stringLiteral value: String) { self = .name(value) }
    public init(integerLiteral value: Int) { self = .index(value) }

    public var description: String {
        switch self {
        case .name(let name): "“\(name)”"
        case .index(let index): "number \(index)"
        }
    }
}

/// One row of a result.
///
/// Every getter throws `PostgresDecodingError` for a column that is not there, of another type or malformed; those whose
/// name does not start with `optional` also for NULL.
public struct PostgresRow: Sendable {
    let result: PostgresResult
    let index: Int

    public func isNull(_ column: PostgresColumn) throws(PostgresDecodingError) -> Bool {
        try decode(column, .any) { _ in true } == nil
    }

    /// Reads one value; `nil` for NULL.
    func decode<T>(
        _ column: PostgresColumn, _ type: ExpectedType, _ read: (UnsafeBufferPointer<UInt8>) -> T?
    ) throws(PostgresDecodingError) -> T? {
        let position: Int?
        switch column {
        case .name(let name): position = result.columnIndex(name)
        case .index(let number): position = result.columns.indices.contains(number) ? number : nil
        }
        guard let position else {
            throw PostgresDecodingError(column: column.description, problem: .missingColumn)
        }
        let found = result.columnType(position)
        guard type.accepts(found) else {
            throw PostgresDecodingError(
                column: column.description, problem: .wrongType(expected: type.name, found: found))
        }
        guard let text = result.withText(row: index, column: position, read) else { return nil }
        guard let value = text else {
            throw PostgresDecodingError(column: column.description, problem: .malformed(expected: type.name))
        }
        return value
    }

    func required<T>(_ value: T?, _ column: PostgresColumn) throws(PostgresDecodingError) -> T {
        guard let value else { throw PostgresDecodingError(column: column.description, problem: .unexpectedNull) }
        return value
    }
}

/// The types a getter takes, by their fixed OIDs in `pg_type.dat`.
struct ExpectedType {
    let name: String
    private let oids: [UInt32]
    private let isRefusal: Bool

    private init(_ name: String, _ oids: [UInt32], isRefusal: Bool = false) {
        self.name = name
        self.oids = oids
        self.isRefusal = isRefusal
    }

    func accepts(_ oid: UInt32) -> Bool { oids.contains(oid) != isRefusal }

    static let any = ExpectedType("value", [], isRefusal: true)
    static let integer = ExpectedType("integer", [20, 21, 23, 26])
    static let double = ExpectedType("number", [700, 701, 1700, 20, 21, 23])
    static let bool = ExpectedType("boolean", [16])
    /// Everything has a text form; that of bytes is never meant.
    static let text = ExpectedType("text", [17], isRefusal: true)
    static let uuid = ExpectedType("uuid", [2950])
    static let timestamptz = ExpectedType("timestamptz", [1184])
    static let json = ExpectedType("json", [114, 3802])
    static let bytea = ExpectedType("bytea", [17])
    static let integerArray = ExpectedType("integer[]", [1016, 1005, 1007])
    static let textArray = ExpectedType("text[]", [1009, 1015, 1003])
    static let uuidArray = ExpectedType("uuid[]", [2951])
}
