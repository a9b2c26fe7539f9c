package import Foundation

/// Operations on names in directories.
package enum FileSystem {
    /// Bytes of the file; `nil` when there is none.
    package static func size(_ path: String) throws(FileFailure) -> Int? {
        try status(path).map { Int($0.st_size) }
    }

    /// Bytes of the files together, as far as they are there and can be asked.
    package static func bytes(_ paths: [String]) -> Int {
        paths.reduce(0) { total, path in
            var status = stat()
            return stat(path, &status) == 0 ? total + Int(status.st_size) : total
        }
    }

    /// What is known of a file; `nil` when there is none.
    package static func status(_ path: String) throws(FileFailure) -> stat? {
        var status = stat()
        if stat(path, &status) == 0 { return status }
        if errno == ENOENT { return nil }
        throw FileFailure("stat", path)
    }

    /// The names in a folder, in no order; none when there is no such folder.
    package static func names(in folder: String) throws(FileFailure) -> [String] {
        guard let stream = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw FileFailure("opendir", folder)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw FileFailure("readdir", folder) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { names.append(name) }
        }
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
