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
}
