import CSQLite
import FleetModel

/// A compiled statement, finalized with its last reference. Must not outlive its connection.
final class PreparedStatement {
    let handle: OpaquePointer
    /// SQLite closes a connection's files with the last of its statements.
    private let files: SQLiteFiles
    let kind: StatementKind
    let parameterCount: Int
    let isExplain: Bool
    /// May change something, if only what is temporary.
    let writes: Bool
    /// May change the database file. See ``SQLiteConnection/needsWriteTurn(_:)``.
    let writesFile: Bool
    /// INSERT or REPLACE, also behind a WITH.
    let insertsRows: Bool
    /// INSERT, REPLACE, UPDATE or DELETE, also behind a WITH.
    let changesRows: Bool
    /// Adds rows to some table, that of the schema included; not by its triggers alone.
    let adds: Bool
    /// A BEGIN after which nothing can be written.
    var beginsReadOnly = false
    private var knownColumns: (columns: [SQLResult.Column], compilations: Int32)?

    /// - Parameters:
    ///   - context: as the authorizer left it after compiling `handle`.
    ///   - files: those of its connection.
    init(handle: OpaquePointer, kind: StatementKind, context: ConnectionContext, files: SQLiteFiles) {
        self.handle = handle
        self.files = files
        self.kind = kind
        parameterCount = Int(sqlite3_bind_parameter_count(handle))
        isExplain = sqlite3_stmt_isexplain(handle) != 0
        let isReadOnly = sqlite3_stmt_readonly(handle) != 0
        writes = !isExplain && Self.writes(isReadOnly: isReadOnly, pragma: context.pragma)
        writesFile = writes && !(context.changesTemporary && !context.changesMain && kind.mayBeTemporary)
        changesRows = !isReadOnly && (kind == .change || kind == .with)
        insertsRows = changesRows && context.insertsRows
        adds = writes && context.insertsRows
    }

    deinit { sqlite3_finalize(handle) }

    /// SQLite takes for writing some pragmas that only read (`journal_mode`), and for reading one that runs ANALYZE.
    private static func writes(isReadOnly: Bool, pragma: (name: String, hasArgument: Bool)?) -> Bool {
        guard let pragma else { return !isReadOnly }
        if pragma.name == "optimize" || pragma.name == "incremental_vacuum" { return true }
        return !isReadOnly && pragma.hasArgument
    }

    /// With the prefix character; `nil` for `?`.
    var parameterNames: [String?] {
        (0..<parameterCount).map { sqlite3_bind_parameter_name(handle, Int32($0 + 1)).map { String(cString: $0) } }
    }

    /// Exact after the first step, which recompiles a statement whose tables have changed.
    var columns: [SQLResult.Column] {
        let compilations = sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_REPREPARE, 0)
        if let known = knownColumns, known.compilations == compilations { return known.columns }
        let columns = (0..<sqlite3_column_count(handle)).map { index in
            SQLResult.Column(
                name: sqlite3_column_name(handle, index).map { String(cString: $0) } ?? "",
                declaredType: sqlite3_column_decltype(handle, index).map { String(cString: $0) })
        }
        knownColumns = (columns, compilations)
        return columns
    }
}
