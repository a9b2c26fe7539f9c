public import FleetModel
import Foundation

/// Copies that lie on a disk, led here or not.
extension LocalCopy {
    /// The databases that have a folder below `root`, whatever is in it.
    ///
    /// - Throws: code `disk_unavailable`.
    public static func databases(in root: String) throws(BerthError) -> [DatabaseID] {
        let parent = root + "/databases"
        guard FileManager.default.fileExists(atPath: parent) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: parent).flatMap { group in
                try FileManager.default.contentsOfDirectory(atPath: "\(parent)/\(group)").compactMap { DatabaseID($0) }
            }
        } catch { throw BerthError(.diskUnavailable, "\(parent): \(error.localizedDescription). Check the node's data directory and its disk.") }
    }

    /// Bytes of its files, and when it was closed clean, in nanoseconds since 1970; `nil` of one that is not clean: it may be open, or hold
    /// what is published nowhere.
    ///
    /// - Throws: code `disk_unavailable` when that cannot be found out now.
    public func cleanState() throws(BerthError) -> (bytes: Int64, closedAt: Int64)? {
        guard try mark() != nil else { return nil }
        var bytes: Int64 = 0, closedAt: Int64 = 0
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            // What was set aside is kept for people.
            if name == "aside" { return nil }
            var status = stat()
            guard stat("\(directory)/\(name)", &status) == 0 else { continue }
            bytes += Int64(status.st_blocks) * 512
            closedAt = max(closedAt, Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
        }
        return (bytes, closedAt)
    }

    /// Removes a copy with its folder.
    ///
    /// - Throws: code `disk_unavailable`.
    public func remove() throws(BerthError) {
        try wipe()
        guard rmdir(directory) == 0 || errno == ENOENT else {
            throw BerthError(.diskUnavailable, "rmdir \(directory): \(String(cString: strerror(errno))). Check the node's data directory and its disk.")
        }
    }
}
