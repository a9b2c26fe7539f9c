import Glibc

/// An open file or folder, closed with the value.
struct PosixFile: ~Copyable {
    let descriptor: Int32
    let path: String

    init(_ path: String, _ flags: Int32, mode: mode_t = 0o644) throws(PosixFailure) {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw PosixFailure("open", path) }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { _ = Glibc.close(descriptor) }

    func status() throws(PosixFailure) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw PosixFailure("fstat", path) }
        return status
    }

    func sync() throws(PosixFailure) {
        guard fsync(descriptor) == 0 else { throw PosixFailure("fsync", path) }
    }

    /// Waits for the lock, which the kernel drops when the file is closed.
    func lock(_ operation: Int32) throws(PosixFailure) {
        while flock(descriptor, operation) != 0 {
            if errno != EINTR { throw PosixFailure("flock", path) }
        }
    }

    func write(_ bytes: [UInt8]) throws(PosixFailure) {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]).baseAddress, bytes.count - done)
            }
            if written >= 0 {
                done += written
            } else if errno != EINTR {
                throw PosixFailure("write", path)
            }
        }
    }

    /// Up to `count` bytes from `offset`; fewer only at the end of the file.
    func read(at offset: Int64, count: Int) throws(PosixFailure) -> [UInt8] {
        var failure: PosixFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let start = UnsafeMutableRawBufferPointer(buffer).baseAddress?.advanced(by: filled)
                let got = pread(descriptor, start, count - filled, off_t(offset) + off_t(filled))
                if got > 0 {
                    filled += got
                } else if got == 0 {
                    return
                } else if errno != EINTR {
                    failure = PosixFailure("read", path)
                    return
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension stat {
    var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }
}
