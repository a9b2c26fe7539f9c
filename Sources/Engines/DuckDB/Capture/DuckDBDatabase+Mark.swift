import Foundation

/// How far a DuckDB database is captured: what its blocks were, and the WAL up to there.
private struct DuckDBMark: Codable {
    /// Another one after every checkpoint.
    var headersDigest: UInt64
    var blockSize: Int
    /// The checksum of every block, eight bytes each, little-endian.
    var blocks: Data
    var walBytes: Int
    var walDigest: UInt64
}

extension DuckDBDatabase {
    public var captureMark: CaptureMark? {
        guard let captured, let walDigest, !health.isInvalid else { return nil }
        var blocks = Data(capacity: captured.blocks.count * 8)
        for checksum in captured.blocks { withUnsafeBytes(of: checksum.littleEndian) { blocks.append(contentsOf: $0) } }
        // One that cannot be taken now is none: whoever would need it restores the database.
        return try? CaptureMark(
            of: DuckDBMark(
                headersDigest: StableDigest.of(captured.headers.bytes), blockSize: captured.blockSize, blocks: blocks,
                walBytes: captured.walBytes, walDigest: walDigest))
    }
}

extension DuckDBReader {
    /// What was captured when `mark` was taken, if the files prove that they have only grown since: no checkpoint, and a WAL that begins with all
    /// that was in it then. Blocks that no checkpoint refers to may be others; the next capture finds which.
    ///
    /// - Parameter state: how the files are now, before DuckDB opens them.
    func proven(
        _ mark: CaptureMark, _ state: DuckDBState?
    ) throws(CaptureError) -> (captured: DuckDBState, walDigest: UInt64)? {
        guard var state, let mark = mark.decoded(as: DuckDBMark.self), mark.blocks.count % 8 == 0, mark.blockSize == state.blockSize,
            StableDigest.of(state.headers.bytes) == mark.headersDigest, (0...state.walBytes).contains(mark.walBytes)
        else { return nil }
        do throws(FileFailure) {
            guard try walDigest(0..<mark.walBytes) == mark.walDigest else { return nil }
        } catch { throw .file(error) }
        state.blocks = mark.blocks.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 8).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)) }
        }
        state.walBytes = mark.walBytes
        state.walIdentity = Array(state.walIdentity.prefix(mark.walBytes))
        state.walDigest = mark.walDigest
        return (state, mark.walDigest)
    }
}
