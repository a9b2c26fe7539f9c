import CSQLite
public import FleetModel

extension SQLiteConnection {
    /// Runs the statements of `sql` one after the other; their rows are dropped.
    ///
    /// Stops at the first error. What was done before stays done, and a transaction that the script opened stays open.
    ///
    /// - Throws: `ARGS_INVALID` when a statement has parameters; otherwise as `execute`.
    public func executeScript(_ sql: String, limits: StatementLimits = .unlimited) throws(SQLError) {
        let beginsReadOnly = LibSQLBegin(sql).flatMap { $0.mode == .readOnly ? $0.rest : nil }
        var sql = beginsReadOnly.map { "BEGIN\($0)" } ?? sql
        try checkText(&sql)
        context.deadline = limits.deadline
        context.timedOut = false
        defer { context.deadline = nil }
        if settingsBefore == nil && sql.utf8.count > 0 { settingsBefore = try settingsIfChangedBy(sql) }
        let text = SQLStatement("", wantsRows: false)
        var next = 0
        while next < sql.utf8.count {
            var compilation = sql.withUTF8 { compile($0, from: next) }
            guard let statement = try finish(&compilation) else { return }
            if next == 0 { statement.beginsReadOnly = beginsReadOnly != nil }
            try makeReady(for: statement, readOnly: limits.isReadOnly)
            _ = try run(statement, text, limits)
            try limitTemporaryTables()
            next = compilation.next
        }
    }

    /// A script may hold a PRAGMA anywhere.
    private func settingsIfChangedBy(_ script: String) throws(SQLError) -> SessionSettings? {
        script.uppercased().contains("PRAGMA") ? try SessionSettings(of: self) : nil
    }
}
