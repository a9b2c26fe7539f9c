/// What is known to be captured of a database.
enum CaptureWatermark: Hashable, Sendable, Codable {
    /// Nothing: the next capture is a full one.
    case unknown
    /// The main file, and the WAL was empty then: whatever the WAL holds is new.
    case mainFile
    /// The WAL up to a commit. After a checkpoint the next writer may begin the WAL anew (`mayRestart`).
    case wal(WALCursor, mayRestart: Bool)

    /// Where new frames begin.
    enum Start: Hashable {
        case cursor(WALCursor)
        /// With the first frame of the WAL.
        case beginning
    }

    /// Where the new frames of a WAL begin that SQLite counts up to `end`.
    ///
    /// - Returns: `nil` when nothing is captured.
    func start(before end: WALCursor, path: String) throws(CaptureError) -> Start? {
        switch self {
        case .unknown: return nil
        case .mainFile: return .beginning
        case .wal(let cursor, let mayRestart):
            if cursor.salts == end.salts { return .cursor(cursor) }
            guard mayRestart else { throw .walReplaced(path: path) }
            return .beginning
        }
    }

    /// After a checkpoint that may have moved everything into the main file.
    var afterCheckpoint: CaptureWatermark {
        if case .wal(let cursor, _) = self { return .wal(cursor, mayRestart: true) }
        return self
    }
}
