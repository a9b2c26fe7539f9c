import Crypto
import Glibc

extension ObjectFolder {
    /// How often a put makes its folders again when a deletion elsewhere removes them as empty.
    private static let folderAttempts = 100
    /// What is in memory of an object at a time that comes from a file.
    private static let pieceBytes = 8 << 20

    func put(_ name: String, _ contents: ObjectContents, _ condition: PutCondition) throws -> ObjectVersion {
        let temporary = "\(temporaryFolder)/\(getpid())-\(Hexadecimal.random(byteCount: 8))"
        var version = SHA256()
        do {
            let file = try PosixFile(temporary, O_WRONLY | O_CREAT | O_EXCL)
            defer { unlink(temporary) }
            for start in stride(from: 0, to: contents.count, by: Self.pieceBytes) {
                let piece = try contents.read(start..<min(start + Self.pieceBytes, contents.count))
                piece.withUnsafeBytes { version.update(bufferPointer: $0) }
                try file.write(piece)
            }
            try file.sync()
            try place(temporary, name, condition)
        } catch let failure as PosixFailure where failure.isAbsence {
            try checkIsMounted()
            throw failure
        }
        var folder = Self.parent(of: name)
        while let current = folder {
            try sync(current)
            folder = Self.parent(of: current)
        }
        try sync("")
        return Self.version(version)
    }

    private func place(_ temporary: String, _ name: String, _ condition: PutCondition) throws {
        switch condition {
        case .none:
            let lock = try PosixFile(lockFile, O_RDWR | O_CREAT)
            try lock.lock(LOCK_SH)
            try move(temporary, to: name, call: "rename", rename)
        case .createOnly:
            do {
                try move(temporary, to: name, call: "link", link)
            } catch let failure as PosixFailure where failure.code == EEXIST {
                var status = stat()
                if stat(path(name), &status) == 0, status.isFolder {
                    throw ObjectStoreError.invalid(reason: "“\(name)” is a folder of other objects.")
                }
                throw ObjectStoreError.preconditionFailed(name: name)
            }
        case .ifMatch(let version):
            let lock = try PosixFile(lockFile, O_RDWR | O_CREAT)
            try lock.lock(LOCK_EX)
            guard try head(name)?.version == version else { throw ObjectStoreError.preconditionFailed(name: name) }
            try move(temporary, to: name, call: "rename", rename)
        }
    }

    /// Makes a system call that puts the file in place, and the name's folders as often as they are missing.
    private func move(
        _ temporary: String, to name: String, call: String,
        _ systemCall: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32
    ) throws {
        for attempt in 1... {
            if systemCall(temporary, path(name)) == 0 { return }
            let failure = PosixFailure(call, path(name))
            guard failure.code == ENOENT, attempt < Self.folderAttempts, let parent = Self.parent(of: name) else {
                throw failure
            }
            try makeFolders(parent)
        }
    }

    private func makeFolders(_ folder: String) throws(PosixFailure) {
        if mkdir(path(folder), 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let parent = Self.parent(of: folder) else { throw PosixFailure("mkdir", path(folder)) }
        try makeFolders(parent)
        // Missing again when a deletion removed the parent meanwhile; `intoFolders` then starts over.
        if mkdir(path(folder), 0o755) != 0, errno != EEXIST, errno != ENOENT {
            throw PosixFailure("mkdir", path(folder))
        }
    }
}
