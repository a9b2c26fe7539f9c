public import FleetModel

extension DuckDBConnection {
    /// Runs one statement whose rows are taken bit by bit: those of a query are made as they are asked for, those of a write's
    /// RETURNING are kept by DuckDB, within its memory limit.
    public func cursor(
        _ statement: SQLStatement, readOnly: Bool, deadline: BootInstant?
    ) throws(SQLError) -> any EngineCursor {
        let start = clock.instant()
        if let deadline, deadline <= start { throw DuckDBErrorCode.interrupt(timedOut: true) }
        try makeReady()
        return try withStatement(statement.sql) { prepared throws(SQLError) in
            try cursor(of: prepared, statement, readOnly: readOnly, deadline: deadline)
        }
    }

    private func cursor(
        of prepared: DuckDBStatement, _ statement: SQLStatement, readOnly: Bool, deadline: BootInstant?
    ) throws(SQLError) -> DuckDBCursor {
        let values = try DuckDBArguments.values(statement.arguments, for: prepared)
        if prepared.transaction != nil {
            _ = try execute(prepared, values, wantsRows: false, StatementLimits(deadline: deadline, isReadOnly: readOnly))
            return DuckDBCursor(prepared, nil, on: self, hasOwnTransaction: false)
        }
        if prepared.type.changesSession { isMarked = true }
        try prepared.requireReadableAnswer()
        let hasOwnTransaction = readOnly ? try beginReadOnly(prepared) : false
        do throws(SQLError) {
            let cursor = try watched(until: deadline, isLast: false) { () throws(SQLError) in
                if !readOnly { try checkQuota(prepared) }
                let rows = try self.start(prepared, arguments: values)
                try requireReadable(rows.result)
                let cursor = DuckDBCursor(prepared, rows, on: self, hasOwnTransaction: hasOwnTransaction)
                try cursor.finishWithoutRows()
                return cursor
            }
            if !cursor.isFinished { self.cursor = cursor }
            return cursor
        } catch {
            if hasOwnTransaction { endReadOnly() }
            throw error
        }
    }

    /// A cursor let go of its rows.
    func ended(_ cursor: DuckDBCursor, hasOwnTransaction: Bool, isAbandoned: Bool) {
        if self.cursor === cursor { self.cursor = nil }
        if hasOwnTransaction {
            endReadOnly()
        } else if isAbandoned {
            // DuckDB keeps the snapshot of a query that is not read to its end until the connection runs another one.
            try? runTrusted("SELECT 1")
        }
    }
}
