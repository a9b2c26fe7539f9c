/// A result did not have the column, the type or the value the caller asked for.
///
/// The statement itself succeeded.
public struct PostgresDecodingError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Problem: Sendable, Hashable {
        case missingColumn
        case unexpectedNull
        /// `found` is the type's object identifier in `pg_type`.
        case wrongType(expected: String, found: UInt32)
        case malformed(expected: String)
    }

    public let column: String
    public let problem: Problem

    public init(column: String, problem: Problem) {
        self.column = column
        self.problem = problem
    }

    public var description: String {
        switch problem {
        case .missingColumn: "the result has no column \(column)"
        case .unexpectedNull: "column \(column) is NULL"
        case .wrongType(let expected, let found): "column \(column) is of the type with OID \(found), not \(expected)"
        case .malformed(let expected): "the value of column \(column) is no \(expected)"
        }
    }
}
