package import FleetModel
import Foundation

/// A file that holds something too large for memory on its way from one place to the next. It is removed when nobody uses it any more.
///
/// Whoever makes one gives it away for good: a file that another process has written is taken over with its path. What a process leaves
/// behind when it dies is removed by the next one that uses the folder.
public final class SpoolFile: Sendable {
    public let path: String
    /// In bytes.
    public let size: Int

    /// Takes over the file at `path`, which has `size` bytes and will not be written again.
    public init(path: String, size: Int) {
        self.path = path
        self.size = size
    }

    deinit { unlink(path) }

    /// How much of one is in memory at a time.
    public static let pieceBytes = 1 << 20

    /// Hands over the bytes in `range`, a piece at a time.
    ///
    /// - Throws: when it cannot be read, or ends before.
    package func read(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) throws(FileFailure) {
        let file = try PosixFile(path, O_RDONLY)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, min(range.count, Self.pieceBytes)), alignment: 16)
        defer { memory.deallocate() }
        for start in stride(from: range.lowerBound, to: range.upperBound, by: memory.count) {
            let piece = UnsafeMutableRawBufferPointer(rebasing: memory[..<min(memory.count, range.upperBound - start)])
            guard try file.read(into: piece, at: start) == piece.count else { throw FileFailure("pread", path, errno: EIO) }
            body(UnsafeRawBufferPointer(piece))
        }
    }
}

/// A folder for files that are on their way, of one process.
public struct SpoolFolder: Sendable, Hashable {
    public let path: String

    public init(_ path: String) { self.path = path }

    /// The place of a new file. The folder is made if it is not there.
    package func newFile() throws(FileFailure) -> String {
        try FileSystem.makeFolder(path)
        return "\(path)/\(UUID().uuidString)"
    }
}

/// What is larger than so many bytes lies in a file.
public struct SpoolRule: Sendable, Hashable {
    public var folder: SpoolFolder
    public var memoryBytes: Int
    /// No file may have more.
    public var fileBytes: Int

    public init(folder: SpoolFolder, memoryBytes: Int, fileBytes: Int = .max) {
        self.folder = folder
        self.memoryBytes = memoryBytes
        self.fileBytes = fileBytes
    }
}
