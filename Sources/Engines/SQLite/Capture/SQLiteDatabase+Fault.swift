import FleetModel
import Foundation

extension SQLiteDatabase {
    /// After a write that failed: makes files and memory say the same, which is what SQLite counted as committed before.
    ///
    /// SQLite forgets a commit whose last step failed, and its frames stay in the WAL, valid: whoever opens the files after a crash
    /// would find a transaction that its client was told is not there. So every connection is closed, what does not count is cut off,
    /// and the files are opened anew; the next capture is a full one. Transactions that were open are gone. Without a fault, does nothing.
    ///
    /// - Throws: when that is not possible now. It is tried again with the next use, and nothing is served until then.
    func reopenAfterFault() throws(CaptureError) {
        guard let fault = health.fault else { return }
        if fault == .full, try !hasUncountedCommit() { return health.mended() }
        let walBytes: Int?
        if case .closed(let bytes) = fault {
            walBytes = bytes
        } else {
            walBytes = try committedWALBytes()
            close()
            health.connectionsAreClosed(walBytes: walBytes)
        }
        if let walBytes { try mapFailure { () throws(FileFailure) in try cutWAL(to: walBytes) } }
        do throws(SQLError) { try openAnew() } catch {
            close()
            throw .engine(error)
        }
        RareBranch.reopenedAfterFault.marked()
        invariant(watermark == .unknown, "files that were opened anew are taken for captured")
        health.mended()
    }

    /// Whether the WAL goes on, behind what SQLite counts, to the end of a commit.
    private func hasUncountedCommit() throws(CaptureError) -> Bool {
        let index = try walIndex()
        guard let reader = try mapFailure({ () throws(FileFailure) in try openWAL() }) else { return false }
        var start = index.end
        if index.frameCount == 0 {
            // A WAL that was begun anew and not written yet: the file still has the one before, all of which is in the main file.
            if index.end.salts != .none && reader.header.salts != index.end.salts { return false }
            start = reader.header.start
        }
        guard reader.header.salts == start.salts else { return true }
        return try mapFailure { () throws(FileFailure) in try reader.scan(from: start) }.pageCount != nil
    }

    /// - Returns: `nil` when the WAL is not the one that SQLite counts: then nothing is cut.
    private func committedWALBytes() throws(CaptureError) -> Int? {
        let index = try walIndex()
        guard index.frameCount > 0 else { return 0 }
        guard let reader = try mapFailure({ () throws(FileFailure) in try openWAL() }), reader.header.salts == index.end.salts else { return nil }
        return reader.header.offset(ofFrame: index.frameCount)
    }

    private func cutWAL(to walBytes: Int) throws(FileFailure) {
        guard let size = try FileSystem.size(walPath), size > walBytes else { return }
        RareBranch.logCut.marked()
        let file = try PosixFile(walPath, O_RDWR)
        try file.setSize(walBytes)
        try file.sync()
    }
}
