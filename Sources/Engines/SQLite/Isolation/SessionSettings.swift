import FleetModel

/// The settings of a connection that a client can change and that outlast its transaction.
struct SessionSettings: Hashable {
    /// Off is how every connection begins.
    static let cannotBeRead: Set<String> = ["case_sensitive_like"]

    private var statements: [String] = []

    /// Reads them as they are now.
    init(of connection: SQLiteConnection) throws(SQLError) {
        for name in ["foreign_keys", "recursive_triggers", "analysis_limit", "secure_delete", "legacy_alter_table"] {
            guard let value = try connection.runTrusted("PRAGMA \(name)") else { continue }
            statements.append("PRAGMA \(name) = \(Self.spelled(value, of: name))")
        }
        statements += Self.cannotBeRead.sorted().map { "PRAGMA \($0) = OFF" }
    }

    func restore(on connection: SQLiteConnection) throws(SQLError) {
        for statement in statements { try connection.runTrusted(statement) }
    }

    private static func spelled(_ value: String, of name: String) -> String {
        name == "secure_delete" && value == "2" ? "FAST" : value
    }
}
