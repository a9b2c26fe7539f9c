import Foundation

/// Operations on names in directories.
package enum FileSystem {
    /// Bytes of the file; `nil` when there is none.
    package static func size(_ path: String) throws(FileFailure) -> Int? {
        var status = stat()
        if stat(path, &status) == 0 { return Int(status.st_size) }
        if errno == ENOENT { return nil }
        throw FileFailure("stat", path)
    }

    /// Removes the file if it is there.
    package static func remove(_ path: String) throws(FileFailure) {
        if unlink(path) != 0 && errno != ENOENT { throw FileFailure("unlink", path) }
    }

    package static func rename(_ source: String, to target: String) throws(FileFailure) {
        guard Foundation.rename(source, target) == 0 else { throw FileFailure("rename", source) }
    }

    /// Makes the folder and those it lies in, as far as they are missing, for this user alone.
    package static func makeFolder(_ path: String) throws(FileFailure) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let end = path.lastIndex(of: "/"), end > path.startIndex else { throw FileFailure("mkdir", path) }
        try makeFolder(String(path[..<end]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw FileFailure("mkdir", path) }
    }

    /// Makes creations, renames and removals in the directory that holds `path` survive a power loss.
    package static func syncDirectory(of path: String) throws(FileFailure) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try PosixFile(directory, O_RDONLY | O_DIRECTORY).sync()
    }
}
