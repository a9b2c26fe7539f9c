import Glibc

/// One file or folder in a folder.
struct FolderEntry {
    let name: String
    let isFolder: Bool

    /// Everything in a folder, in no order; names that are not UTF-8 cannot be objects and are left out.
    static func read(_ path: String) throws(PosixFailure) -> [FolderEntry] {
        guard let stream = opendir(path) else { throw PosixFailure("opendir", path) }
        defer { closedir(stream) }
        var entries: [FolderEntry] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw PosixFailure("readdir", path) }
                return entries
            }
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard let name = String(validating: bytes, as: UTF8.self), name != ".", name != ".." else { continue }
            switch Int(entry.pointee.d_type) {
            case Int(DT_DIR): entries.append(FolderEntry(name: name, isFolder: true))
            case Int(DT_REG): entries.append(FolderEntry(name: name, isFolder: false))
            case Int(DT_UNKNOWN):
                // Some file systems do not say.
                var status = stat()
                guard lstat("\(path)/\(name)", &status) == 0 else { continue }
                if status.isFolder || status.isRegularFile {
                    entries.append(FolderEntry(name: name, isFolder: status.isFolder))
                }
            default: continue
            }
        }
    }
}
