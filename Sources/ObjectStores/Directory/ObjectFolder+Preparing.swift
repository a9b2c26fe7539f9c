import Glibc

extension ObjectFolder {
    /// Temporary files older than this, in seconds, were left by a crash.
    private static let temporaryFileLifetime = 86_400

    /// Makes the folder and what it needs as far as that is missing, durably, and removes what crashes left.
    init(preparing path: String) throws {
        var root = path
        while root.utf8.count > 1, root.hasSuffix("/") { root.removeLast() }
        guard !root.isEmpty else { throw ObjectStoreError.invalid(reason: "A folder for the bucket is not named.") }
        self.init(root: root)
        // The folders that were made here need a sync of the ones they were made in.
        for folder in [root, privateFolder, temporaryFolder] { try Self.makeDurably(folder) }
        _ = try PosixFile(lockFile, O_RDWR | O_CREAT)
        try PosixFile(privateFolder, O_RDONLY | O_DIRECTORY).sync()
        sweep()
    }

    private static func makeDurably(_ folder: String) throws {
        if mkdir(folder, 0o755) != 0 {
            var failure = PosixFailure("mkdir", folder)
            if failure.code == ENOENT, let parent = parent(of: folder), !parent.isEmpty {
                try makeDurably(parent)
                if mkdir(folder, 0o755) == 0 { return try syncParent(of: folder) }
                failure = PosixFailure("mkdir", folder)
            }
            guard failure.code == EEXIST else { throw failure }
            guard try PosixFile(folder, O_RDONLY).status().isFolder else {
                throw ObjectStoreError.invalid(reason: "\(folder) is not a folder.")
            }
        } else {
            try syncParent(of: folder)
        }
    }

    private static func syncParent(of folder: String) throws {
        let parent = parent(of: folder).map { $0.isEmpty ? "/" : $0 } ?? "."
        try PosixFile(parent, O_RDONLY | O_DIRECTORY).sync()
    }

    private func sweep() {
        // What cannot be listed or removed now is left to the next start.
        guard let entries = try? FolderEntry.read(temporaryFolder) else { return }
        let now = time(nil)
        for entry in entries {
            let path = "\(temporaryFolder)/\(entry.name)"
            var status = stat()
            if stat(path, &status) == 0, now - status.st_mtim.tv_sec > Self.temporaryFileLifetime { unlink(path) }
        }
    }
}
