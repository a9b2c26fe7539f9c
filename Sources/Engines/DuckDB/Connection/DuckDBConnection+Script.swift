public import FleetModel

extension DuckDBConnection {
    /// Runs the statements of `sql` one after the other; their rows are dropped.
    ///
    /// Stops at the first error. What was done before stays done, and a transaction that the script opened stays open.
    ///
    /// - Throws: `ARGS_INVALID` when a statement has parameters; otherwise as `execute`. A syntax error anywhere is found
    ///   before anything is done.
    public func executeScript(_ sql: String, limits: StatementLimits = .unlimited) throws(SQLError) {
        if let deadline = limits.deadline, deadline <= .now { throw DuckDBErrorCode.interrupt(timedOut: true) }
        try makeReady()
        var unbound = limits
        unbound.maximumRows = nil
        unbound.maximumResponseBytes = nil
        try extract(sql) { statements throws(SQLError) in
            for index in 0..<statements.count {
                let statement = try statements.prepare(index)
                try permit(statement)
                let values = try DuckDBArguments.values(.none, for: statement)
                _ = try execute(statement, values, wantsRows: false, unbound)
            }
        }
    }
}
