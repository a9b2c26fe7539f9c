public import FleetModel

extension DuckDBConnection {
    /// Runs the statements of `sql` one after the other, from `start` on; their rows are dropped.
    ///
    /// - Throws: `ARGS_INVALID` when a statement has parameters; otherwise as `execute`. A syntax error anywhere is found
    ///   before anything is done.
    public func executeScript(
        _ sql: String, from start: ScriptPosition, mayWrite: Bool, limits: StatementLimits
    ) throws(SQLError) -> ScriptPosition? {
        if let deadline = limits.deadline, deadline <= clock.instant() { throw DuckDBErrorCode.interrupt(timedOut: true) }
        try makeReady()
        var unbound = limits
        unbound.maximumRows = nil
        unbound.maximumResponseBytes = nil
        return try extract(sql) { statements throws(SQLError) in
            for index in min(start.offset, statements.count)..<statements.count {
                let statement = try statements.prepare(index)
                try permit(statement)
                if statement.writes && !mayWrite { return ScriptPosition(offset: index) }
                let values = try DuckDBArguments.values(.none, for: statement)
                _ = try execute(statement, values, wantsRows: false, unbound)
            }
            return nil
        }
    }
}
