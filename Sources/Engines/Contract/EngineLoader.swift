public import FleetModel

/// Loads many rows into one table, as one change: all of them or none. Made by ``EngineConnection/load(into:columns:)``.
///
/// Outside a transaction it has one of its own, which `finish()` commits. Its connection runs nothing else until it is
/// finished or abandoned.
public protocol EngineLoader: AnyObject {
    /// How many values a row has.
    var columnCount: Int { get }

    /// Adds rows. A value becomes what the column's type makes of it, as with an INSERT.
    ///
    /// - Throws: the engine's codes, `ARGS_INVALID` for a row of another length; the message names the row, counted from 1 over
    ///   all calls, as far as the engine tells. Everything is undone then: abandon it.
    func append(_ rows: [[SQLValue]], deadline: BootInstant?) throws(SQLError)

    /// Commits, outside a transaction.
    ///
    /// - Returns: the number of rows.
    func finish(deadline: BootInstant?) throws(SQLError) -> Int64

    /// Undoes what was added. Inside a transaction of the caller's, that is rolled back when the engine cannot do less; see
    /// ``EngineConnection/isAutocommit``. Does nothing after `finish()`.
    func abandon()
}
