/// The error codes of the Hrana protocol that are not results of the engine.
public enum HranaErrorCode {
    public static let sqlParseError = "SQL_PARSE_ERROR"
    public static let sqlNoStatement = "SQL_NO_STATEMENT"
    public static let sqlManyStatements = "SQL_MANY_STATEMENTS"
    /// What is asked for makes no sense: an unknown `sql_id`, a condition on a later step.
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
}
