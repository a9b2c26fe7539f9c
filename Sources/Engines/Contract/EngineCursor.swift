public import FleetModel

/// The rows of one statement, made as they are asked for: a result larger than memory is never held as a whole.
///
/// Keeps its statement open, and with it what a read holds (a snapshot, no lock that others wait for). Its connection runs
/// nothing else until it is closed. Made by ``EngineConnection/cursor(_:deadline:)``.
public protocol EngineCursor: AnyObject {
    var columns: [SQLResult.Column] { get }

    /// The next rows: at least one, and no more once they have `bytes` bytes, counted as
    /// ``StatementLimits/maximumResponseBytes`` counts them. Nothing when there are no more, also when asked again.
    ///
    /// - Throws: as ``EngineConnection/execute(_:limits:)``; the cursor is closed then.
    func next(atMost bytes: Int, deadline: ContinuousClock.Instant?) throws(SQLError) -> [[SQLValue]]

    /// What the statement did besides answering rows; final after `next` answered nothing. Has no rows and no columns.
    var outcome: SQLResult { get }

    /// Ends the statement. A read that is not at its end loses nothing; a write was carried out when the cursor was made, or is
    /// by its first `next`. Twice does nothing.
    func close()
}
