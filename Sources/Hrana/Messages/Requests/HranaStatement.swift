public import FleetModel

/// One statement as a client sends it: its SQL may be known to the stream already.
public struct HranaStatement: Sendable, Hashable {
    public var text: SQLText
    public var arguments: SQLArguments
    /// `false` when the client does not want the rows of the result.
    public var wantsRows: Bool

    public init(_ text: SQLText, arguments: SQLArguments = .none, wantsRows: Bool = true) {
        self.text = text
        self.arguments = arguments
        self.wantsRows = wantsRows
    }

    /// The statement with the SQL that `stored` has for its id.
    ///
    /// - Throws: `SQLError` with code `SQL_INPUT_ERROR` when `stored` answers `nil`.
    public func resolved(stored: (Int32) -> String?) throws(SQLError) -> SQLStatement {
        SQLStatement(try text.resolved(stored: stored), arguments: arguments, wantsRows: wantsRows)
    }
}

/// SQL in the request, or SQL stored in the stream by an earlier `store_sql`.
public enum SQLText: Sendable, Hashable {
    case inline(String)
    case stored(Int32)

    /// The SQL itself, where `stored` answers what the stream has under an id.
    ///
    /// - Throws: `SQLError` with code `SQL_INPUT_ERROR` when `stored` answers `nil`.
    public func resolved(stored: (Int32) -> String?) throws(SQLError) -> String {
        switch self {
        case .inline(let sql): return sql
        case .stored(let id):
            guard let sql = stored(id) else {
                throw SQLError(
                    code: HranaErrorCode.sqlInputError,
                    message: "This stream has no SQL stored under sql_id \(id). Send store_sql first.")
            }
            return sql
        }
    }
}
