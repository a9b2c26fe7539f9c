public import FleetModel

extension SQLiteConnection {
    /// Runs the statements of `sql` one after the other; their rows are dropped.
    ///
    /// - Throws: `ARGS_INVALID` when a statement has parameters; otherwise as `execute`.
    public func executeScript(
        _ sql: String, from start: ScriptPosition, mayWrite: Bool, limits: StatementLimits
    ) throws(SQLError) -> ScriptPosition? {
        let beginsReadOnly = LibSQLBegin(sql).flatMap { $0.mode == .readOnly ? $0.rest : nil }
        var sql = beginsReadOnly.map { "BEGIN\($0)" } ?? sql
        if start == .start { try checkText(&sql) }
        context.deadline = limits.deadline
        context.timedOut = false
        defer { context.deadline = nil }
        let text = SQLStatement("", wantsRows: false)
        var next = start.offset
        while next < sql.utf8.count {
            try rememberSettings(before: &sql, from: next)
            var compilation = compile(sql, from: next)
            guard let statement = try finish(&compilation) else { return nil }
            if next == 0 { statement.beginsReadOnly = beginsReadOnly != nil }
            if statement.writesFile && !mayWrite { return ScriptPosition(offset: next) }
            try makeReady(for: statement, readOnly: limits.isReadOnly)
            _ = try run(statement, text, limits)
            try noteSessionState()
            next = compilation.next
        }
        return nil
    }
}
