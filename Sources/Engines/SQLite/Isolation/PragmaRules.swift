/// Which PRAGMAs clients may use. Everything not named here is refused.
///
/// Refused are those that reach outside the database, weaken its checks, or disturb capture: the journal mode,
/// checkpoints and durability belong to the node.
enum PragmaRules {
    enum Verdict: Equatable {
        case allowed
        /// Allowed, and lasting: it changes how the connection behaves for whoever uses it next.
        case changesSession
        case refused(String)
    }

    /// Their argument only says what to report or how much to do.
    private static let withAnyArgument: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
        "foreign_key_check", "integrity_check", "quick_check", "optimize", "incremental_vacuum",
        // Stored in the database or reset at commit.
        "user_version", "application_id", "defer_foreign_keys",
    ]
    private static let sessionSettings: Set<String> = [
        "foreign_keys", "recursive_triggers", "case_sensitive_like", "analysis_limit", "secure_delete",
    ]
    /// Allowed without an argument. FTS5 itself needs `data_version`; FTS3 and R*Tree need `page_size`.
    private static let readOnly: Set<String> = [
        "journal_mode", "synchronous", "page_size", "page_count", "max_page_count", "freelist_count", "encoding",
        "auto_vacuum", "schema_version", "data_version", "database_list", "collation_list", "function_list",
        "module_list", "pragma_list", "compile_options",
    ]

    static func verdict(_ name: String, hasArgument: Bool) -> Verdict {
        if withAnyArgument.contains(name) { return .allowed }
        if sessionSettings.contains(name) { return hasArgument ? .changesSession : .allowed }
        if readOnly.contains(name) {
            return hasArgument ? .refused("PRAGMA \(name) can be read but not set: the node decides it") : .allowed
        }
        return .refused("PRAGMA \(name) is not among the PRAGMAs that are allowed here")
    }
}
