import Foundation

/// Operations on names in directories.
enum FileSystem {
    /// Bytes of the file; `nil` when there is none.
    static func size(_ path: String) throws(FileFailure) -> Int? {
        var status = stat()
        if stat(path, &status) == 0 { return Int(status.st_size) }
        if errno == ENOENT { return nil }
        throw FileFailure("stat", path)
    }

    /// Removes the file if it is there.
    static func remove(_ path: String) throws(FileFailure) {
        if unlink(path) != 0 && errno != ENOENT { throw FileFailure("unlink", path) }
    }

    static func rename(_ source: String, to target: String) throws(FileFailure) {
        guard Foundation.rename(source, target) == 0 else { throw FileFailure("rename", source) }
    }

    /// Makes creations, renames and removals in the directory that holds `path` survive a power loss.
    static func syncDirectory(of path: String) throws(FileFailure) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try PosixFile(directory, O_RDONLY | O_DIRECTORY).sync()
    }
}
