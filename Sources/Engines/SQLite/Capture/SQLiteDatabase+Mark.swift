import Foundation

/// How far a SQLite database is captured, and what the main file was like then.
private struct SQLiteMark: Codable {
    /// `unknown` when a checkpoint has moved more than that into the main file: the files hold it, and where it ended cannot be told any more.
    var watermark: CaptureWatermark
    /// The main file's header: another one after every checkpoint that moved something.
    var header: Data
}

extension SQLiteDatabase {
    public var captureMark: CaptureMark? {
        guard !nextCaptureIsFull else { return nil }
        // One that cannot be taken now is none: whoever would need it restores the database.
        return try? CaptureMark(of: SQLiteMark(watermark: watermark, header: Data(MainFile(primary).header())))
    }

    /// A checkpoint moves what is captured, all of it, so of an earlier mark only this is left: the files hold it, and commits of this node. Whoever
    /// goes on with them captures everything.
    public func markAfterCheckpoint(_ mark: CaptureMark) -> CaptureMark? {
        guard health.fault == nil, mark.decoded(as: SQLiteMark.self) != nil else { return nil }
        return try? CaptureMark(of: SQLiteMark(watermark: .unknown, header: Data(MainFile(primary).header())))
    }

    /// What `mark` says, if the files prove it; `nil` when they do not.
    ///
    /// SQLite has read the WAL whole when it opened the files, each frame's checksum resting on all before it. So a WAL that leads from the mark's
    /// checksum to SQLite's own held the same frames up to the mark.
    func proven(_ mark: CaptureMark) -> CaptureWatermark? {
        guard let mark = mark.decoded(as: SQLiteMark.self) else { return nil }
        do throws(CaptureError) {
            guard try Data(MainFile(primary).header()) == mark.header else { return nil }
            guard case .wal(let cursor, let mayRestart) = mark.watermark else { return mark.watermark }
            let end = try walIndex().end
            if end.salts == cursor.salts { return try leads(from: cursor) ? mark.watermark : nil }
            // Begun anew once, which a checkpoint of all that was captured allowed.
            let isNext = mayRestart && end.salts.first == cursor.salts.first &+ 1
            return isNext ? mark.watermark : nil
        } catch {
            return nil
        }
    }
}
