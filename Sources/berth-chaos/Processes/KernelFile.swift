import Glibc

/// Files the kernel makes up while they are read. They have no size and come a page at a time, so they are read to
/// their end; Foundation stops at the first short piece.
enum KernelFile {
    /// The whole content; empty when it cannot be read.
    static func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }

    /// The whole content; empty when it cannot be read.
    static func bytes(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var content: [UInt8] = [], piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return content }
            content += piece[..<count]
        }
    }
}
