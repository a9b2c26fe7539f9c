public import Changesets
public import FleetModel
import Foundation

extension SQLiteFile {
    /// Brings a follower's file forward by newer sets, in order, and syncs it once at the end.
    ///
    /// The file must not be open in this process, and must have no WAL. A crash in the middle leaves a mixture: the caller
    /// marks the file dirty, durably, before, and takes the mark away after.
    ///
    /// - Throws: code `data_corrupt` for a set that cannot be right or a file with a WAL, `disk_unavailable`.
    public static func applyInPlace(_ sets: [PageSet], to path: String) throws(BerthError) {
        for set in sets { try set.checkForSQLite(pageSize: sets.first?.pageSize) }
        do throws(FileFailure) {
            guard try FileSystem.size(path + "-wal") ?? 0 == 0 else { throw FileFailure("apply", path, errno: EBUSY) }
            let file = try PosixFile(path, O_RDWR)
            for set in sets { try file.apply(set) }
            try file.sync()
        } catch where error.operation == "apply" {
            throw BerthError(.dataCorrupt, "\(path) has a WAL, so its pages cannot be replaced. Restore it instead.")
        } catch { throw error.berthError }
    }
}
