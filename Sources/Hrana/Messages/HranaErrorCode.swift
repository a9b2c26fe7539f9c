/// The error codes of the Hrana protocol that are not results of the engine.
public enum HranaErrorCode {
    public static let sqlParseError = "SQL_PARSE_ERROR"
    public static let sqlNoStatement = "SQL_NO_STATEMENT"
    public static let sqlManyStatements = "SQL_MANY_STATEMENTS"
    /// What is asked for makes no sense: an unknown `sql_id`.
    public static let sqlInputError = "SQL_INPUT_ERROR"
    public static let argumentsInvalid = "ARGS_INVALID"
    public static let argumentsBothPositionalAndNamed = "ARGS_BOTH_POSITIONAL_AND_NAMED"
    public static let transactionTimeout = "TRANSACTION_TIMEOUT"
    public static let transactionBusy = "TRANSACTION_BUSY"
    public static let blocked = "BLOCKED"
    public static let responseTooLarge = "RESPONSE_TOO_LARGE"
    public static let sqlStoreTooMany = "SQL_STORE_TOO_MANY"
    public static let sqlStoreTooLarge = "SQL_STORE_TOO_LARGE"
    public static let streamExpired = "STREAM_EXPIRED"

    /// Of an extended code of SQLite's, the primary one that clients compare: `SQLITE_CONSTRAINT` of `SQLITE_CONSTRAINT_UNIQUE`. `nil` for
    /// all other codes.
    static func primary(of code: String) -> String? {
        guard code.hasPrefix("SQLITE_") else { return nil }
        // No primary code has a second underscore.
        let words = code.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        return words.count == 3 ? "SQLITE_" + words[1] : nil
    }
}
