public import FleetModel

/// Why changes could not be captured. None of them is guessed around: see ``remedy``.
public enum CaptureError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The WAL began anew although it held commits nobody captured, or without a checkpoint of ours.
    case walReplaced(path: String)
    /// The WAL ends before the point up to which it was captured.
    case walShortened(path: String)
    /// The WAL cannot be read up to the last commit: a frame, or the header, is not what SQLite wrote.
    case walDamaged(path: String, readableFrames: Int, committedFrames: Int)
    /// The WAL, or the main file, has pages of another size than the database.
    case pageSizeChanged(path: String, expected: Int, found: Int)
    /// The main file is not one that the engine can have written.
    case notADatabase(path: String)
    /// The files changed while they were read, although no statement was running.
    case changedMeanwhile(path: String)
    /// Not done, because there are commits that are not captured yet.
    case uncaptured(path: String)
    /// A connection is in a transaction, so the WAL could not be emptied.
    case transactionOpen(path: String)
    /// What is new is more than may lie in memory, and more than a file may have now.
    case noRoomInSpool(bytes: Int)
    case file(FileFailure)
    case engine(SQLError)

    public var description: String {
        switch self {
        case .walReplaced(let path): "\(path) began anew although it was not captured to its end"
        case .walShortened(let path): "\(path) is shorter than what was captured of it"
        case .walDamaged(let path, let readable, let committed):
            "\(path) is damaged: of \(committed) committed frames \(readable) can be read"
        case .pageSizeChanged(let path, let expected, let found):
            "\(path) has pages of \(found) bytes, the database has pages of \(expected)"
        case .notADatabase(let path): "\(path) is not a database"
        case .changedMeanwhile(let path): "\(path) changed while it was read"
        case .uncaptured(let path): "\(path) has commits that are not captured yet"
        case .transactionOpen(let path): "\(path) could not be checkpointed: a transaction is open"
        case .noRoomInSpool(let bytes): "a changeset of \(bytes) bytes needs room in the spool folder"
        case .file(let failure): failure.description
        case .engine(let error): error.description
        }
    }

    /// What can still be done about a failed capture, the gentlest first.
    public enum Remedy: Sendable, Hashable {
        /// Want of descriptors, memory or space, an interrupted call, a disk that does not answer, files that changed while they were read: what was
        /// committed to them is there. Nothing of it may be given up for that.
        case tryAgain
        /// The log is not the one that was captured up to some point: everything, from the files as they are.
        case captureAll
        /// The same again, with room for a file of so many bytes.
        case room(bytes: Int)
    }

    public var remedy: Remedy {
        switch self {
        case .file(let failure): failure.isOfMissingFile ? .captureAll : .tryAgain
        case .engine(let error): error.isCorruption ? .captureAll : .tryAgain
        // Clients of DuckDB can ask it for a checkpoint while the files are read; the next time they are as it left them.
        case .uncaptured, .transactionOpen, .changedMeanwhile: .tryAgain
        case .noRoomInSpool(let bytes): .room(bytes: bytes)
        case .walReplaced, .walShortened, .walDamaged, .pageSizeChanged, .notADatabase: .captureAll
        }
    }

    /// Code `disk_unavailable` when the disk is the cause, otherwise `data_corrupt`; `internal_error` for calls that came
    /// too early.
    public var berthError: BerthError {
        switch self {
        case .file(let failure): failure.berthError
        case .walReplaced, .walShortened, .pageSizeChanged:
            BerthError(.dataCorrupt, "\(self). Capture the database in full before shipping more of it.")
        case .walDamaged, .notADatabase, .changedMeanwhile:
            BerthError(.dataCorrupt, "\(self). What is published is intact; look at the disk and restore the database from the bucket.")
        case .uncaptured, .transactionOpen: BerthError(.internalError, description)
        case .noRoomInSpool: BerthError(.diskUnavailable, description)
        case .engine(let error):
            BerthError(
                error.isCorruption
                    ? .dataCorrupt : .diskUnavailable, description)
        }
    }
}

extension SQLError {
    /// Something was missing that may be there later (memory, space, descriptors), or the disk did not answer: it says nothing about the files.
    public var isWant: Bool {
        [
            "SQLITE_IOERR", "SQLITE_NOMEM", "SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "DUCKDB_IO",
            "DUCKDB_OUT_OF_MEMORY", "DUCKDB_CONNECTION", "DUCKDB_FULL", Self.temporaryFullCode,
        ].contains { code.hasPrefix($0) }
    }

    /// The engine found its own file damaged.
    fileprivate var isCorruption: Bool {
        ["SQLITE_CORRUPT", "SQLITE_NOTADB", "DUCKDB_SERIALIZATION", "DUCKDB_DATA_CORRUPTION"].contains { code.hasPrefix($0) }
    }
}
