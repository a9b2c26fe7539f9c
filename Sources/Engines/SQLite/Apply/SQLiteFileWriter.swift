public import Changesets
public import FleetModel
import Foundation

/// Builds a database file out of page sets, beside the place where it is to be, and moves it there when it is complete.
///
/// A good copy is never touched by a bad restore. The target must not be open in this process; there is one writer per
/// target at a time. Without `finish()` nothing is left behind.
public final class SQLiteFileWriter: EngineFileBuilder {
    public let target: String
    private let temporary: String
    private var file: PosixFile?
    private var pageSize: Int?

    /// Creates the temporary file, in place of one a crash may have left.
    ///
    /// - Throws: code `disk_unavailable`.
    public init(target: String) throws(BerthError) {
        self.target = target
        temporary = target + ".incoming"
        do throws(FileFailure) {
            try FileSystem.remove(temporary)
            file = try PosixFile(temporary, O_RDWR | O_CREAT | O_EXCL)
        } catch { throw error.berthError }
    }

    deinit { abandon() }

    /// Applies the next set of the chain: first a full one, then the changes in order.
    ///
    /// - Throws: code `data_corrupt` for a set that cannot be right, `disk_unavailable`. Abandon the file then.
    public func apply(_ set: PageSet) throws(BerthError) {
        guard let file else { throw BerthError(.internalError, "\(target) was already finished or abandoned.") }
        try set.checkForSQLite(pageSize: pageSize)
        pageSize = set.pageSize
        do throws(FileFailure) { try file.apply(set) } catch { throw error.berthError }
    }

    /// Moves the file to its target, durably. `-wal` and `-shm` of the former file go first: they would be applied to the new one.
    ///
    /// - Throws: code `disk_unavailable`.
    public func finish() throws(BerthError) {
        guard let file else { throw BerthError(.internalError, "\(target) was already finished or abandoned.") }
        do throws(FileFailure) {
            try file.sync()
            for suffix in ["-wal", "-shm", "-journal"] { try FileSystem.remove(target + suffix) }
            try FileSystem.rename(temporary, to: target)
            self.file = nil
            try FileSystem.syncDirectory(of: target)
        } catch { throw error.berthError }
    }

    /// Removes the temporary file. Does nothing after `finish()`.
    public func abandon() {
        guard file != nil else { return }
        file = nil
        // A file that cannot be removed now is removed by the next writer.
        try? FileSystem.remove(temporary)
    }
}
