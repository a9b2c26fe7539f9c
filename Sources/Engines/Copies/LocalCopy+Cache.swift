public import FleetModel
import Foundation

/// Copies that lie on a disk, led here or not.
extension LocalCopy {
    /// The databases that have a folder below `root`, whatever is in it.
    ///
    /// - Throws: code `disk_unavailable`.
    public static func databases(in root: String) throws(BerthError) -> [DatabaseID] {
        let parent = root + "/databases"
        var found: [DatabaseID] = []
        do throws(FileFailure) {
            for group in try FileSystem.names(in: parent) { found += try FileSystem.names(in: "\(parent)/\(group)").compactMap { DatabaseID($0) } }
        } catch { throw error.berthError }
        return found
    }

    /// Bytes of its files, and when it was closed clean, in nanoseconds since 1970; `nil` of one that is not clean: it may be open, or hold
    /// what is published nowhere.
    ///
    /// - Throws: code `disk_unavailable` when that cannot be found out now.
    public func cleanState() throws(BerthError) -> (bytes: Int64, closedAt: Int64)? {
        guard try mark() != nil else { return nil }
        var bytes: Int64 = 0, closedAt: Int64 = 0
        do throws(FileFailure) {
            for name in try FileSystem.names(in: directory) {
                let path = "\(directory)/\(name)"
                // What was set aside is kept for people.
                if path == asidePath { return nil }
                guard let status = try FileSystem.status(path) else { continue }
                bytes += Int64(status.st_blocks) * 512
                closedAt = max(closedAt, Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
            }
        } catch { throw error.berthError }
        return (bytes, closedAt)
    }

    /// Removes a copy with its folder.
    ///
    /// - Throws: code `disk_unavailable`.
    public func remove() throws(BerthError) {
        try wipe()
        guard rmdir(directory) == 0 || errno == ENOENT else { throw FileFailure("rmdir", directory).berthError }
    }
}
