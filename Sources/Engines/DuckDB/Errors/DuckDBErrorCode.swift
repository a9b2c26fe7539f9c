import FleetModel

/// What DuckDB reports, with a stable code.
///
/// DuckDB begins every message with the name of the error's type (`Constraint Error: …`), also where the C API has no
/// function that tells the type. Source: `ExceptionTypeToString` in DuckDB's `exception.cpp`.
enum DuckDBErrorCode {
    private static let known: Set<String> = [
        "BINDER", "CATALOG", "CONNECTION", "CONSTRAINT", "CONVERSION", "DATA_CORRUPTION", "DECIMAL", "DEPENDENCY", "DIVIDE_BY_ZERO", "EXECUTOR",
        "EXPRESSION", "FATAL", "INDEX", "INTERNAL", "INTERRUPT", "INVALID", "INVALID_INPUT", "INVALID_TYPE", "IO",
        "MISMATCH_TYPE", "MISSING_EXTENSION", "NETWORK", "NOT_IMPLEMENTED", "OBJECT_SIZE", "OPTIMIZER", "OUT_OF_MEMORY",
        "OUT_OF_RANGE", "PERMISSION", "PLANNER", "SCHEDULER", "SEQUENCE", "SERIALIZATION", "SETTINGS", "STAT", "UNKNOWN_TYPE",
    ]

    static func error(_ message: String) -> SQLError {
        let mark = " Error: "
        guard let end = message.offset(ofBytes: mark) else { return SQLError(code: "DUCKDB_ERROR", message: message) }
        let (name, text) = (message.utf8.prefix(end), message.utf8.dropFirst(end + mark.utf8.count))
        return error(String(Substring(name)).uppercased().replacing(" ", with: "_"), String(Substring(text)))
    }

    /// - Parameter type: of `duckdb_error_type` in `duckdb.h`.
    static func error(type: Int32, _ message: String) -> SQLError {
        error(names[Int(type), default: ""], message)
    }

    private static func error(_ name: String, _ text: String) -> SQLError {
        switch name {
        case "PARSER", "SYNTAX": return SQLError(code: "SQL_PARSE_ERROR", message: text)
        case "TRANSACTIONCONTEXT" where text.contains("transaction is launched in read-only mode"): return readOnly
        case "TRANSACTIONCONTEXT": return SQLError(code: "DUCKDB_TRANSACTION", message: text)
        case "OUT_OF_MEMORY" where text.contains("max_temp_directory_size"): return SQLError(code: SQLError.temporaryFullCode, message: text)
        case _ where known.contains(name): return SQLError(code: "DUCKDB_" + name, message: text)
        default: return SQLError(code: "DUCKDB_ERROR", message: name.isEmpty ? text : "\(name): \(text)")
        }
    }

    /// Source: `duckdb_error_type` in `duckdb.h`, as far as the names are ``known``.
    private static let names: [Int: String] = [
        1: "OUT_OF_RANGE", 2: "CONVERSION", 3: "UNKNOWN_TYPE", 4: "DECIMAL", 5: "MISMATCH_TYPE", 6: "DIVIDE_BY_ZERO", 7: "OBJECT_SIZE",
        8: "INVALID_TYPE", 9: "SERIALIZATION", 10: "TRANSACTIONCONTEXT", 11: "NOT_IMPLEMENTED", 12: "EXPRESSION", 13: "CATALOG", 14: "PARSER",
        15: "PLANNER", 16: "SCHEDULER", 17: "EXECUTOR", 18: "CONSTRAINT", 19: "INDEX", 20: "STAT", 21: "CONNECTION", 22: "SYNTAX",
        23: "SETTINGS", 24: "BINDER", 25: "NETWORK", 26: "OPTIMIZER", 28: "IO", 29: "INTERRUPT", 30: "FATAL", 31: "INTERNAL",
        32: "INVALID_INPUT", 33: "OUT_OF_MEMORY", 34: "PERMISSION", 37: "DEPENDENCY", 39: "MISSING_EXTENSION", 41: "SEQUENCE", 43: "DATA_CORRUPTION",
    ]

    static let closed = SQLError(code: "DUCKDB_CONNECTION", message: "the connection is closed")

    static func unreadable(_ column: String, _ type: String) -> SQLError {
        SQLError(code: "DUCKDB_NOT_IMPLEMENTED", message: "the column \(column) is \(type), which cannot be answered here: CAST it to VARCHAR")
    }

    static let cursorClosed = SQLError(code: "CURSOR_CLOSED", message: "the cursor is closed: its connection ran something else, or an error ended it")

    static let loaderClosed = SQLError(code: "LOADER_CLOSED", message: "the loader was finished or abandoned, or an error ended it")

    static let loading = SQLError(code: "LOADER_OPEN", message: "rows are being loaded on this connection: finish or abandon that first")

    static let readOnly = SQLError(code: "BLOCKED", message: "this access or transaction allows reading only, and the statement may change something")

    static let readOnlyInWritingTransaction = SQLError(
        code: "BLOCKED", message: "this access allows reading only, and the open transaction was begun by one that may write")

    static func interrupt(timedOut: Bool) -> SQLError {
        SQLError(
            code: "DUCKDB_INTERRUPT",
            message: timedOut
                ? "the statement ran longer than it may and was stopped" : "the statement was interrupted")
    }
}
