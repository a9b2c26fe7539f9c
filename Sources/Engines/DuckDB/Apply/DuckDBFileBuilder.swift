public import Changesets
public import FleetModel
import Foundation

/// Builds the files of a database out of page sets, beside the place where they are to be, and moves them there when they
/// are complete.
///
/// A good copy is never touched by a bad restore. The target must not be open in this process; there is one builder per
/// target at a time. Without `finish()` nothing is left behind.
public final class DuckDBFileBuilder: EngineFileBuilder {
    private let target: DuckDBFiles
    private let incoming: DuckDBFiles
    private var files: DuckDBTarget?

    /// Creates the temporary files, in place of those a crash may have left.
    ///
    /// - Throws: code `disk_unavailable`.
    public init(target path: String) throws(BerthError) {
        target = DuckDBFiles(path)
        incoming = DuckDBFiles(path + ".incoming")
        do throws(FileFailure) {
            try FileSystem.remove(incoming.main)
            try FileSystem.remove(incoming.wal)
            files = DuckDBTarget(main: try PosixFile(incoming.main, O_RDWR | O_CREAT | O_EXCL), walPath: incoming.wal)
        } catch { throw error.berthError }
    }

    deinit { abandon() }

    public func apply(_ set: PageSet) throws(BerthError) {
        guard let files else { throw finished }
        try files.apply(set)
    }

    /// The WAL of the former database goes before the new main file comes: it must never be replayed into it. Then
    /// the main file, then its WAL; the caller has marked the place dirty, so a crash in between is not taken for a copy.
    public func finish() throws(BerthError) {
        guard let files else { throw finished }
        do throws(FileFailure) {
            try files.sync()
            for old in [target.wal] + target.leftovers { try FileSystem.remove(old) }
            try FileSystem.syncDirectory(of: target.main)
            try FileSystem.rename(incoming.main, to: target.main)
            if try files.isWALEmpty { try FileSystem.remove(incoming.wal) } else { try FileSystem.rename(incoming.wal, to: target.wal) }
            self.files = nil
            try FileSystem.syncDirectory(of: target.main)
        } catch { throw error.berthError }
    }

    public func abandon() {
        guard files != nil else { return }
        files = nil
        // Files that cannot be removed now are removed by the next builder.
        try? FileSystem.remove(incoming.main)
        try? FileSystem.remove(incoming.wal)
    }

    private var finished: BerthError { BerthError(.internalError, "\(target.main) was already finished or abandoned.") }
}
