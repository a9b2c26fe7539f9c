import Crypto
import FoundationEssentials
import Glibc

/// The folder behind a `DirectoryStore`, with blocking calls. Throws `ObjectStoreError` and `PosixFailure`.
struct ObjectFolder: Sendable {
    let root: String
    var privateFolder: String { "\(root)/\(ObjectNaming.reservedComponent)" }
    var temporaryFolder: String { "\(privateFolder)/tmp" }
    var lockFile: String { "\(privateFolder)/lock" }

    func path(_ name: String) -> String { "\(root)/\(name)" }

    static func version(_ bytes: [UInt8]) -> ObjectVersion {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return version(hash)
    }

    static func version(_ hash: SHA256) -> ObjectVersion { ObjectVersion(etag: Hexadecimal.string(hash.finalize().prefix(16))) }

    // MARK: Reading

    func get(_ name: String, _ range: Range<Int64>?) throws -> [UInt8] {
        guard let (_, bytes) = try read(name, range) else { throw ObjectStoreError.notFound(name: name) }
        return bytes
    }

    func head(_ name: String) throws -> ObjectInfo? {
        guard let (status, bytes) = try read(name, nil) else { return nil }
        return ObjectInfo(
            name: name, size: Int64(bytes.count), lastModified: status.modified, version: Self.version(bytes))
    }

    /// `nil` when there definitely is no such object.
    private func read(_ name: String, _ range: Range<Int64>?) throws -> (status: stat, bytes: [UInt8])? {
        do {
            return try read(PosixFile(path(name), O_RDONLY), name, range)
        } catch let failure as PosixFailure where failure.isAbsence {
            try checkIsMounted()
            return nil
        }
    }

    private func read(
        _ file: borrowing PosixFile, _ name: String, _ range: Range<Int64>?
    ) throws -> (status: stat, bytes: [UInt8])? {
        let status = try file.status()
        guard status.isRegularFile else { return nil }
        let size = Int64(status.st_size)
        let range = range ?? 0..<size
        let bytes = range.upperBound <= size ? try file.read(at: range.lowerBound, count: range.count) : []
        guard bytes.count == range.count else {
            let received = max(Int64(bytes.count), min(size, range.upperBound) - range.lowerBound)
            throw ObjectStoreError.truncated(name: name, expected: Int64(range.count), received: max(0, received))
        }
        return (status, bytes)
    }

    /// Tells a missing object from a missing disk: a mount point without its file system is an empty folder.
    func checkIsMounted() throws {
        guard access(temporaryFolder, F_OK) == 0 else {
            throw ObjectStoreError.unavailable(
                reason: "\(privateFolder) is missing; is the file system mounted?", retryable: true)
        }
    }

    // MARK: Deleting

    func delete(_ names: [String]) throws {
        let lock = try PosixFile(lockFile, O_RDWR | O_CREAT)
        try lock.lock(LOCK_SH)
        var parents: Set<NameBytes> = []
        for name in names {
            if unlink(path(name)) != 0 {
                let failure = PosixFailure("unlink", path(name))
                // A folder of other objects is not an object.
                guard failure.isAbsence || failure.code == EISDIR else { throw failure }
            }
            parents.insert(NameBytes(Self.parent(of: name) ?? ""))
        }
        for parent in parents { try prune(parent.text) }
    }

    /// Removes a folder and those above it as far as they are empty, and syncs the first one that stays.
    private func prune(_ folder: String) throws {
        var folder = folder
        while !folder.isEmpty, rmdir(path(folder)) == 0 || errno == ENOENT || errno == ENOTDIR {
            folder = Self.parent(of: folder) ?? ""
        }
        try sync(folder)
    }

    /// The name's folder, `nil` when that is the root.
    static func parent(of name: String) -> String? {
        name.lastIndex(of: "/").map { String(name[..<$0]) }
    }

    /// Makes what happened in a folder durable. One that is gone had nothing in it.
    func sync(_ folder: String) throws(PosixFailure) {
        do {
            try PosixFile(folder.isEmpty ? root : path(folder), O_RDONLY | O_DIRECTORY).sync()
        } catch {
            guard error.isAbsence, !folder.isEmpty else { throw error }
        }
    }
}

extension stat {
    var modified: Date {
        Date(timeIntervalSince1970: Double(st_mtim.tv_sec) + Double(st_mtim.tv_nsec) / 1e9)
    }
}
