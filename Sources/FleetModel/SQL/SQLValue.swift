/// A value as SQLite's five storage classes have it.
public enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    /// Bytes of text or blob; 0 for the other storage classes.
    public var storedBytes: Int {
        switch self {
        case .null, .integer, .real: 0
        case .text(let text): text.utf8.count
        case .blob(let bytes): bytes.count
        }
    }
}

/// Texts are equal when their bytes are.
extension SQLValue {
    public static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.integer(let left), .integer(let right)): left == right
        case (.real(let left), .real(let right)): left == right
        case (.text(let left), .text(let right)): left.hasSameBytes(as: right)
        case (.blob(let left), .blob(let right)): left == right
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .integer(let value): hasher.combine(value)
        case .real(let value): hasher.combine(value)
        case .text(let text): hasher.combine(bytesOf: text)
        case .blob(let bytes): hasher.combine(bytes)
        }
    }
}

/// One SQL statement with its arguments.
public struct SQLStatement: Sendable, Hashable {
    @ExactText public var sql: String
    public var arguments: SQLArguments
    /// `false` when the client does not want the rows of the result.
    public var wantsRows: Bool

    public init(_ sql: String, arguments: SQLArguments = .none, wantsRows: Bool = true) {
        self.sql = sql
        self.arguments = arguments
        self.wantsRows = wantsRows
    }
}

/// A statement that is run once for each of several lists of arguments, one after the other.
public struct RepeatedStatement: Sendable, Hashable {
    @ExactText public var sql: String
    public var arguments: [SQLArguments]
    /// As in ``SQLStatement``.
    public var wantsRows: Bool

    public init(_ sql: String, arguments: [SQLArguments], wantsRows: Bool = true) {
        self.sql = sql
        self.arguments = arguments
        self.wantsRows = wantsRows
    }
}

public enum SQLArguments: Sendable, Hashable {
    case none
    case positional([SQLValue])
    /// A name matches a parameter whatever stands before both of them: `:`, `@`, `$` or nothing. One written alike goes first.
    case named([NamedArgument])
}

public struct NamedArgument: Sendable, Hashable {
    @ExactText public var name: String
    public var value: SQLValue

    public init(name: String, value: SQLValue) {
        self.name = name
        self.value = value
    }
}

/// What one statement answered.
public struct SQLResult: Sendable, Hashable {
    public struct Column: Sendable, Hashable {
        public var name: String
        /// As written in `CREATE TABLE`; `nil` for an expression.
        public var declaredType: String?

        public init(name: String, declaredType: String?) {
            self.name = name
            self.declaredType = declaredType
        }
    }

    public var columns: [Column] = []
    public var rowBlock = RowBlock(columnCount: 0)
    /// The rows as values of their own, made anew each time.
    public var rows: [[SQLValue]] {
        get { rowBlock.values }
        set { rowBlock = RowBlock(newValue) }
    }
    /// Rows changed by INSERT, UPDATE or DELETE; 0 for every other statement.
    public var affectedRows: Int64 = 0
    public var lastInsertRowID: Int64?
    public var rowsRead: Int64 = 0
    public var rowsWritten: Int64 = 0
    /// How long it took.
    public var nanoseconds: Int64 = 0

    public init() {}
}

extension SQLResult.Column {
    public static func == (left: Self, right: Self) -> Bool {
        left.name.hasSameBytes(as: right.name) && left.declaredType.map { ExactText($0) } == right.declaredType.map { ExactText($0) }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytesOf: name)
        hasher.combine(declaredType.map { ExactText($0) })
    }
}

/// What a statement would need and answer, found out without running it.
public struct SQLDescription: Sendable, Hashable {
    /// One entry per parameter; `nil` for a positional one.
    public var parameters: [String?]
    public var columns: [SQLResult.Column]
    public var isExplain: Bool
    public var isReadOnly: Bool

    public init(parameters: [String?], columns: [SQLResult.Column], isExplain: Bool, isReadOnly: Bool) {
        self.parameters = parameters
        self.columns = columns
        self.isExplain = isExplain
        self.isReadOnly = isReadOnly
    }
}

/// An error of one SQL statement, with the code its client sees.
///
/// The codes are those of the Hrana protocol: `SQLITE_<extended result>`, `SQL_PARSE_ERROR`, `ARGS_INVALID`, …
public struct SQLError: Error, Sendable, Hashable, CustomStringConvertible {
    public var code: String
    public var message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code): \(message)" }
}
