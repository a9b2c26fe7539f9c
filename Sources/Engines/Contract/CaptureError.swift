public import FleetModel

/// Why changes could not be captured. None of them is guessed around: the database has to be captured in full again
/// (``SQLiteDatabase/captureAll()``), restored, or its disk looked at.
public enum CaptureError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The WAL began anew although it held commits nobody captured, or without a checkpoint of ours.
    case walReplaced(path: String)
    /// The WAL ends before the point up to which it was captured.
    case walShortened(path: String)
    /// The WAL cannot be read up to the last commit: a frame, or the header, is not what SQLite wrote.
    case walDamaged(path: String, readableFrames: Int, committedFrames: Int)
    /// The WAL, or the main file, has pages of another size than the database.
    case pageSizeChanged(path: String, expected: Int, found: Int)
    /// Not done, because there are commits that are not captured yet.
    case uncaptured(path: String)
    /// A connection is in a transaction, so the WAL could not be emptied.
    case transactionOpen(path: String)
    case file(FileFailure)
    case sqlite(SQLError)

    public var description: String {
        switch self {
        case .walReplaced(let path): "\(path) began anew although it was not captured to its end"
        case .walShortened(let path): "\(path) is shorter than what was captured of it"
        case .walDamaged(let path, let readable, let committed):
            "\(path) is damaged: of \(committed) committed frames \(readable) can be read"
        case .pageSizeChanged(let path, let expected, let found):
            "\(path) has pages of \(found) bytes, the database has pages of \(expected)"
        case .uncaptured(let path): "\(path) has commits that are not captured yet"
        case .transactionOpen(let path): "\(path) could not be checkpointed: a transaction is open"
        case .file(let failure): failure.description
        case .sqlite(let error): error.description
        }
    }

    /// Code `disk_unavailable` when the disk is the cause, otherwise `data_corrupt`; `internal_error` for calls that came
    /// too early.
    public var berthError: BerthError {
        switch self {
        case .file(let failure): failure.berthError
        case .walReplaced, .walShortened, .pageSizeChanged:
            BerthError(.dataCorrupt, "\(self). Capture the database in full before shipping more of it.")
        case .walDamaged:
            BerthError(.dataCorrupt, "\(self). What is published is intact; look at the disk and restore the database from the bucket.")
        case .uncaptured, .transactionOpen: BerthError(.internalError, description)
        case .sqlite(let error):
            BerthError(
                error.code.hasPrefix("SQLITE_CORRUPT") || error.code.hasPrefix("SQLITE_NOTADB")
                    ? .dataCorrupt : .diskUnavailable, description)
        }
    }
}
