public import FleetModel

extension DuckDBConnection: EngineConnection {
    public var interruptHandle: @Sendable () -> Void { interrupter.interrupt }

    /// What a statement would need and answer.
    ///
    /// - Throws: as `execute` does for its text.
    public func describe(_ sql: String) throws(SQLError) -> SQLDescription {
        let statement = try prepare(sql)
        return SQLDescription(
            parameters: statement.parameterNames.map { $0.allSatisfy(\.isNumber) ? nil : "$" + $0 }, columns: statement.columns,
            isExplain: statement.type == .explain, isReadOnly: !statement.writes)
    }

    /// Whether the statement may change the database, as far as its type and its words tell: a query that says `nextval`,
    /// or has an INSERT inside its WITH, counts as writing. Some that only speak of such things do as well.
    public func needsWriteTurn(_ sql: String) throws(SQLError) -> Bool { try prepare(sql).writes }
}
