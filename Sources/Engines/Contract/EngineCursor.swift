public import FleetModel

/// The rows of one statement, made as they are asked for: a result larger than memory is never held as a whole.
///
/// Keeps its statement open, and with it what a read holds (a snapshot, no lock that others wait for). Its connection runs
/// and describes nothing else until it is closed; if it does all the same, that may close it. Made by ``EngineConnection/cursor(_:readOnly:deadline:)``.
/// While it is open no checkpoint moves the log, so that the log grows with what others commit.
public protocol EngineCursor: AnyObject {
    var columns: [SQLResult.Column] { get }

    /// The next rows: at least one, and no more once they have `bytes` bytes, as `RowBlock.byteCount` counts them. None when
    /// there are no more, also when asked again.
    ///
    /// - Throws: as ``EngineConnection/execute(_:limits:)``; the cursor is closed then. `CURSOR_CLOSED` for one that is closed
    ///   and was not at its end.
    func next(atMost bytes: Int, deadline: BootInstant?) throws(SQLError) -> RowBlock

    /// What the statement did besides answering rows; final after `next` answered nothing. Has no rows and no columns.
    var outcome: SQLResult { get }

    /// Ends the statement. Twice does nothing.
    func close()
}
