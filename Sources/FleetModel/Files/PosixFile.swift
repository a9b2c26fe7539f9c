package import Foundation

/// An open file, closed when the last reference goes.
///
/// Never for the main file or the `-shm` of a SQLite database that is open in this process: closing any descriptor on
/// them drops SQLite's POSIX locks.
package final class PosixFile {
    package let path: String
    private let descriptor: Int32

    package init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(FileFailure) {
        var descriptor: Int32
        repeat { descriptor = open(path, flags | O_CLOEXEC, mode) } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else { throw FileFailure("open", path) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Bytes in the file.
    package func size() throws(FileFailure) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFailure("fstat", path) }
        return Int(status.st_size)
    }

    /// Fills `buffer` from `offset`; returns fewer bytes than asked for only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFailure) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset + done))
            if count == 0 { break }
            if count > 0 { done += count } else if errno != EINTR { throw FileFailure("pread", path) }
        }
        return done
    }

    /// Writes all of `bytes` at `offset`.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileFailure) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            if count >= 0 { done += count } else if errno != EINTR { throw FileFailure("pwrite", path) }
        }
    }

    package func write(_ bytes: [UInt8], at offset: Int) throws(FileFailure) {
        try bytes.withUnsafeBufferPointer { bytes throws(FileFailure) in try write(UnsafeRawBufferPointer(bytes), at: offset) }
    }

    /// Cuts the file, or extends it by zeros.
    package func setSize(_ size: Int) throws(FileFailure) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw FileFailure("ftruncate", path) }
    }

    package func sync() throws(FileFailure) {
        guard fsync(descriptor) == 0 else { throw FileFailure("fsync", path) }
    }
}
