/// What is known to be captured of a database.
enum CaptureWatermark: Hashable, Sendable {
    /// Nothing: the next capture is a full one.
    case unknown
    /// The main file, and the WAL was empty then: whatever the WAL holds is new.
    case mainFile
    /// The WAL up to a commit. After a checkpoint the next writer may begin the WAL anew (`mayRestart`).
    case wal(WALCursor, mayRestart: Bool)

    /// Where in the WAL with this header the new frames begin.
    ///
    /// - Parameter header: `nil` for an empty WAL.
    /// - Returns: `nil` when there are none.
    func start(in header: WALHeader?, path: String) throws(CaptureError) -> WALCursor? {
        switch (self, header) {
        case (.unknown, _), (.mainFile, nil): return nil
        case (.mainFile, let header?): return header.start
        case (.wal, nil): throw .walReplaced(path: path)
        case (.wal(let cursor, let mayRestart), let header?):
            if cursor.salts == header.salts { return cursor }
            guard mayRestart else { throw .walReplaced(path: path) }
            return header.start
        }
    }

    /// After a checkpoint that may have moved everything into the main file.
    var afterCheckpoint: CaptureWatermark {
        if case .wal(let cursor, _) = self { return .wal(cursor, mayRestart: true) }
        return self
    }
}
