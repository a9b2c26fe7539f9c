/// Which PRAGMAs clients may use. Everything not named here is refused.
///
/// All that only report are answered. A setting that is none of a tenant's concern, or asks for what is so already, is answered with
/// the value in force, as SQLite answers one that it does not take: applications everywhere send such settings when they connect.
/// Refused are those that reach outside the database, weaken its checks, or disturb capture: the journal mode, checkpoints and
/// durability belong to the node.
enum PragmaRules {
    enum Verdict: Equatable {
        case allowed
        /// Allowed, and lasting: it changes how the connection behaves for whoever uses it next.
        case changesSession
        /// Not carried out, and answered with the value in force; of those that matter only when that is what was asked for.
        case leftAlone(Setting)
        case refused(String)
    }

    enum Setting: Equatable {
        case immaterial
        /// Refused when another value is asked for.
        case mustBeInForce
    }

    /// Their argument only says what to report or how much to do.
    private static let withAnyArgument: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
        "foreign_key_check", "integrity_check", "quick_check", "optimize", "incremental_vacuum",
        // Stored in the database or reset at commit.
        "user_version", "application_id", "defer_foreign_keys",
    ]
    private static let sessionSettings: Set<String> = [
        "foreign_keys", "recursive_triggers", "case_sensitive_like", "analysis_limit", "secure_delete", "legacy_alter_table",
    ]
    /// FTS5 itself needs `data_version`.
    private static let reports: Set<String> = [
        "page_count", "freelist_count", "data_version", "database_list", "collation_list", "function_list", "module_list",
        "pragma_list", "compile_options", "stats", "shrink_memory",
    ]
    /// How the node uses memory and files, and what no longer does anything.
    private static let immaterial: Set<String> = [
        "busy_timeout", "cache_size", "cache_spill", "default_cache_size", "temp_store", "mmap_size", "read_uncommitted",
        "journal_size_limit", "wal_autocheckpoint", "threads", "soft_heap_limit", "hard_heap_limit", "automatic_index",
        "cell_size_check", "fullfsync", "checkpoint_fullfsync", "reverse_unordered_selects", "legacy_file_format", "count_changes",
        "full_column_names", "short_column_names", "empty_result_callbacks",
    ]
    /// FTS3 and R*Tree read `page_size`.
    private static let matters: Set<String> = [
        "journal_mode", "synchronous", "locking_mode", "page_size", "max_page_count", "encoding", "auto_vacuum", "schema_version",
        "trusted_schema", "writable_schema", "ignore_check_constraints", "query_only",
    ]

    static func verdict(_ name: String, hasArgument: Bool) -> Verdict {
        if withAnyArgument.contains(name) { return .allowed }
        if sessionSettings.contains(name) { return hasArgument ? .changesSession : .allowed }
        if immaterial.contains(name) { return hasArgument ? .leftAlone(.immaterial) : .allowed }
        if matters.contains(name) { return hasArgument ? .leftAlone(.mustBeInForce) : .allowed }
        if reports.contains(name) {
            return hasArgument ? .refused("PRAGMA \(name) can be read but not set") : .allowed
        }
        return .refused("PRAGMA \(name) is not among the PRAGMAs that are allowed here")
    }

    static func refusal(of name: String, inForce value: String) -> String {
        let advice = name == "query_only" ? "BEGIN READONLY begins a transaction that only reads" : "the node decides it"
        return "PRAGMA \(name) can be read but not set to anything but \(value): \(advice)"
    }

    /// Whether `wanted`, as a client wrote it, is the value that SQLite reports as `value`.
    static func asks(for value: String, _ wanted: String, _ name: String) -> Bool {
        let wanted = wanted.lowercased()
        if wanted == value.lowercased() { return true }
        if let number = spellings[name]?[wanted] ?? booleans[wanted] { return String(number) == value }
        return name == "encoding" && wanted.replacing("-", with: "") == value.lowercased().replacing("-", with: "")
    }

    private static let spellings: [String: [String: Int]] = [
        "synchronous": ["off": 0, "normal": 1, "full": 2, "extra": 3],
        "auto_vacuum": ["none": 0, "full": 1, "incremental": 2],
    ]
    private static let booleans = ["off": 0, "no": 0, "false": 0, "on": 1, "yes": 1, "true": 1]
}
