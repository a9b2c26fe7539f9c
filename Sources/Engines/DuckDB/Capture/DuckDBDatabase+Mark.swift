import FleetModel
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
    /// A checkpoint came after the capture: the headers are those it wrote, the blocks those that were captured. Absent in marks of older programs.
    var isCheckpointed: Bool?
}

extension DuckDBDatabase {
    public var captureMark: CaptureMark? {
        guard let captured, let walDigest, !health.isInvalid else { return nil }
        var blocks = Data(capacity: captured.blocks.count * 8)
        for checksum in captured.forgetting(tornBlocks).blocks { withUnsafeBytes(of: checksum.littleEndian) { blocks.append(contentsOf: $0) } }
        // One that cannot be taken now is none: whoever would need it restores the database.
        guard
            let mark = try? CaptureMark(
                of: DuckDBMark(
                    headersDigest: StableDigest.of(captured.headers.bytes), blockSize: captured.blockSize, blocks: blocks,
                    walBytes: captured.walBytes, walDigest: walDigest))
        else { return nil }
        return markAfterCheckpoint(mark)
    }

    /// The same blocks under other headers: which of them a checkpoint wrote shows by their checksums, as in a capture.
    public func markAfterCheckpoint(_ mark: CaptureMark) -> CaptureMark? {
        guard !health.isInvalid, var mark = mark.decoded(as: DuckDBMark.self), let headers = try? reader.headers() else { return nil }
        let digest = StableDigest.of(headers.bytes)
        if digest != mark.headersDigest {
            guard mark.blockSize == headers.blockSize else { return nil }
            mark.headersDigest = digest
            mark.isCheckpointed = true
        }
        return try? CaptureMark(of: mark)
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
            StableDigest.of(state.headers.bytes) == mark.headersDigest
        else { return nil }
        if mark.isCheckpointed == true { return (captured(before: state, mark), StableDigest.empty) }
        guard (0...state.walBytes).contains(mark.walBytes) else { return nil }
        do throws(FileFailure) {
            guard try walDigest(0..<mark.walBytes) == mark.walDigest else { return nil }
        } catch { throw .file(error) }
        state.blocks = mark.checksums
        state.walBytes = mark.walBytes
        state.walIdentity = Array(state.walIdentity.prefix(mark.walBytes))
        state.walDigest = mark.walDigest
        return (state, mark.walDigest)
    }

    /// What was captured before the checkpoint that wrote the headers of `state`: other headers, and a log that is gone. So the next capture has the
    /// headers, what the checkpoint wrote, and the whole of the log that began after it, which holds commits of this node alone.
    private func captured(before state: DuckDBState, _ mark: DuckDBMark) -> DuckDBState {
        var captured = state
        captured.headers = DuckDBHeaders([])
        captured.blocks = mark.checksums
        captured.walBytes = max(1, mark.walBytes)
        captured.walIdentity = []
        captured.walDigest = nil
        return captured
    }
}

extension DuckDBMark {
    fileprivate var checksums: [UInt64] {
        blocks.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 8).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)) }
        }
    }
}
