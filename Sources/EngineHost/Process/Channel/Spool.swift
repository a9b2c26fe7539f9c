import Changesets
import FleetModel
import Glibc

/// Bytes that lie in a file of a ``Spool`` instead of a frame.
struct SpooledFile: Sendable, Hashable {
    var number: UInt64
    var byteCount: Int
}

/// A folder through which a node and one of its hosts give each other what is too large for a frame.
///
/// Each end names its files by numbers of its own, and the other one removes a file as soon as it has it open. What a host that died left
/// behind goes with the folder.
struct Spool: Sendable {
    let folder: String
    /// Before the numbers of files that this end writes, and of those it reads.
    private let own: String, other: String

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(_ folder: String, isHost: Bool) {
        self.folder = folder
        (own, other) = isHost ? ("h", "n") : ("n", "h")
    }

    /// Writes `bytes` for the other end. Blocks.
    func put(_ bytes: [UInt8], _ number: UInt64) throws(Failure) -> SpooledFile {
        let path = "\(folder)/\(own)\(number)"
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.failure("make", path) }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { write(file, $0.baseAddress.map { $0 + written }, bytes.count - written) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let failure = Self.failure("write", path)
                unlink(path)
                throw failure
            }
            written += count
        }
        return SpooledFile(number: number, byteCount: bytes.count)
    }

    /// Gives the other end a file that lies in this folder.
    func give(_ file: SpoolFile, _ number: UInt64) throws(Failure) -> SpooledFile {
        let path = "\(folder)/\(own)\(number)"
        guard rename(file.path, path) == 0 else { throw Self.failure("rename", file.path) }
        return SpooledFile(number: number, byteCount: file.size)
    }

    /// Takes over a file of the other end, into a folder of this one.
    func keep(_ spooled: SpooledFile, in target: SpoolFolder) throws(Failure) -> SpoolFile {
        let path: String
        do throws(FileFailure) { path = try target.newFile() } catch { throw Failure(description: "\(error)") }
        let source = "\(folder)/\(other)\(spooled.number)"
        guard rename(source, path) == 0 else { throw Self.failure("rename", source) }
        let file = SpoolFile(path: path, size: spooled.byteCount)
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) == file.size else {
            throw Failure(description: "\(source) is not the file of \(spooled.byteCount) bytes that was told of")
        }
        return file
    }

    /// What the other end wrote, which is gone then. Blocks.
    func take(_ spooled: SpooledFile) throws(Failure) -> [UInt8] {
        invariant(spooled.byteCount <= FrameLimits.spoolBytes, "a file is taken that no frame may name")
        let path = "\(folder)/\(other)\(spooled.number)"
        // Whatever the other end put there: no link is followed, and nothing waited for.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { throw Self.failure("open", path) }
        defer { close(file) }
        unlink(path)
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) == spooled.byteCount else {
            throw Failure(description: "\(path) is not the file of \(spooled.byteCount) bytes that was told of")
        }
        var failure: Failure?
        let bytes = [UInt8](unsafeUninitializedCapacity: spooled.byteCount) { memory, count in
            while count < spooled.byteCount {
                let got = read(file, memory.baseAddress.map { $0 + count }, spooled.byteCount - count)
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else {
                    failure = Self.failure("read", path)
                    return
                }
                count += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private static func failure(_ action: String, _ path: String) -> Failure {
        Failure(description: "cannot \(action) \(path): \(String(cString: strerror(errno)))")
    }
}
