import FleetModel
import Foundation

/// Reads the files of a database that may be open.
///
/// The descriptor of the main file lives as long as this object, and this object longer than DuckDB has the file open:
/// closing any descriptor on it would drop DuckDB's POSIX lock. DuckDB does not lock the WAL.
final class DuckDBReader {
    let files: DuckDBFiles
    let main: PosixFile

    init(_ files: DuckDBFiles) throws(FileFailure) {
        self.files = files
        main = try PosixFile(files.main, O_RDONLY)
    }

    /// Reads the headers, the first 8 bytes of every block, and the WAL's beginning.
    ///
    /// - Parameter digestsWAL: whether the whole WAL is read for a digest.
    func state(digestsWAL: Bool = false) throws(CaptureError) -> DuckDBState {
        let headers = try headers()
        guard let blockSize = headers.blockSize else { throw .notADatabase(path: files.main) }
        do throws(FileFailure) {
            let blocks = try checksums(blockSize: blockSize)
            let (walBytes, identity) = try wal()
            return DuckDBState(
                headers: headers, blockSize: blockSize, blocks: blocks, walBytes: walBytes, walIdentity: identity,
                walDigest: digestsWAL ? try walDigest(0..<walBytes) : nil)
        } catch { throw .reading(files, error) }
    }

    func headers() throws(CaptureError) -> DuckDBHeaders {
        var bytes = [UInt8](repeating: 0, count: DuckDBFiles.headerBytes)
        do throws(FileFailure) {
            let read = try bytes.withUnsafeMutableBufferPointer { buffer throws(FileFailure) in
                try main.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
            }
            // Checked by whoever asks for the block size.
            return DuckDBHeaders(Array(bytes.prefix(read)))
        } catch { throw .reading(files, error) }
    }

    /// A block that is not complete is none: no commit refers to it.
    private func checksums(blockSize: Int) throws(FileFailure) -> [UInt64] {
        let count = max(0, try main.size() - DuckDBFiles.headerBytes) / blockSize
        var checksums = [UInt64](repeating: 0, count: count)
        try checksums.withUnsafeMutableBufferPointer { buffer throws(FileFailure) in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            for block in 0..<count {
                let checksum = UnsafeMutableRawBufferPointer(rebasing: bytes[block * 8..<block * 8 + 8])
                _ = try main.read(into: checksum, at: DuckDBFiles.headerBytes + block * blockSize)
            }
        }
        return checksums
    }

    private func wal() throws(FileFailure) -> (bytes: Int, identity: [UInt8]) {
        guard let size = try FileSystem.size(files.wal), size > 0 else { return (0, []) }
        let file = try PosixFile(files.wal, O_RDONLY)
        var identity = [UInt8](repeating: 0, count: min(size, DuckDBState.walIdentityBytes))
        let read = try identity.withUnsafeMutableBufferPointer { buffer throws(FileFailure) in
            try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        return (size, Array(identity.prefix(read)))
    }

    /// FNV-1a over part of the WAL, going on from the digest of what is before it.
    func walDigest(_ range: Range<Int>, after former: UInt64 = StableDigest.empty) throws(FileFailure) -> UInt64 {
        var digest = former
        guard !range.isEmpty else { return digest }
        let file = try PosixFile(files.wal, O_RDONLY)
        var buffer = [UInt8](repeating: 0, count: min(range.count, Self.bytesPerRead))
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = min(range.upperBound - offset, buffer.count)
            let read = try buffer.withUnsafeMutableBufferPointer { buffer throws(FileFailure) in
                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<wanted]), at: offset)
            }
            digest = StableDigest.of(buffer[..<read], after: digest)
            if read < wanted { break }
            offset += read
        }
        return digest
    }

    private static var bytesPerRead: Int { 256 << 10 }
}

extension CaptureError {
    /// Of the files of an open database. DuckDB takes the log away with a checkpoint, which a client that reads may have asked for, between the look at it
    /// and its opening: what is committed is in the main file then.
    static func reading(_ files: DuckDBFiles, _ failure: FileFailure) -> CaptureError {
        failure.isOfMissingFile ? .changedMeanwhile(path: files.main) : .file(failure)
    }
}

/// FNV-1a: the same in every process, and against accidents only.
enum StableDigest {
    static let empty: UInt64 = 0xcbf2_9ce4_8422_2325

    static func of(_ bytes: some Collection<UInt8>, after former: UInt64 = empty) -> UInt64 {
        bytes.reduce(former) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
