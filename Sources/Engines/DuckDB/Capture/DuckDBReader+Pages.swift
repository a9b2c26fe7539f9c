import Changesets
import FleetModel
import Foundation

extension DuckDBReader {
    /// The pages that differ between `former` and `state`, which is how the files are now; all of them without `former`.
    ///
    /// - Parameter spool: when they lie in a file.
    /// - Returns: the pages, and those of their blocks that were just being written. Nothing refers to these before the headers change, but then they are
    ///   what was read only in part.
    /// - Throws: ``CaptureError/changedMeanwhile(path:)`` when the files are no longer as `state` says.
    func pages(
        of state: DuckDBState, since former: DuckDBState?, _ spool: SpoolRule?
    ) throws(CaptureError) -> (pages: PageSet, torn: Set<Int>) {
        let parts = parts(of: state, since: former)
        let size = parts.reduce(0) { $0 + $1.bytes.count }
        if let spool, size > spool.memoryBytes, size > spool.fileBytes { throw .noRoomInSpool(bytes: size) }
        let set: PageSet, torn: Set<Int>
        do throws(FileFailure) {
            let wal = parts.contains { $0.place == .wal } ? try PosixFile(files.wal, O_RDONLY) : nil
            let sources = Sources(headers: state.headers.bytes, main: main, wal: wal)
            if let spool, size > spool.memoryBytes {
                (set, torn) = try sources.write(parts, PageFileWriter(in: spool.folder, profile: .blocks, pageSize: DuckDBFiles.pageSize))
            } else {
                (set, torn) = try sources.read(parts, size)
            }
        } catch { throw error.isOfEnd ? .changedMeanwhile(path: files.main) : .reading(files, error) }
        guard try headers() == state.headers else { throw .changedMeanwhile(path: files.main) }
        return (set, torn)
    }

    private func parts(of state: DuckDBState, since former: DuckDBState?) -> [Part] {
        var parts: [Part] = []
        if state.headers != former?.headers { parts.append(Part(first: 0, place: .headers, bytes: 0..<state.headers.bytes.count)) }
        let former = former.flatMap { $0.blockSize == state.blockSize ? $0 : nil }
        let pagesPerBlock = state.blockSize / DuckDBFiles.pageSize
        for (block, checksum) in state.blocks.enumerated() {
            if let former, block < former.blocks.count, former.blocks[block] == checksum { continue }
            let start = DuckDBFiles.headerBytes + block * state.blockSize
            parts.append(
                Part(first: UInt64(DuckDBFiles.headerPages + block * pagesPerBlock), place: .main, bytes: start..<start + state.blockSize, block: block))
        }
        parts.append(.end(UInt64(state.mainPages)))
        var start = 0
        if let former {
            if state.hasSameCommits(as: former) || former.walBytes == 0 && state.walBytes == 0 { return parts }
            // From the page that held the former end on: it has grown.
            if state.walContinues(former) { start = former.walBytes / DuckDBFiles.pageSize * DuckDBFiles.pageSize }
        }
        if state.walBytes > start {
            parts.append(
                Part(first: DuckDBFiles.walBase + UInt64(start / DuckDBFiles.pageSize), place: .wal, bytes: start..<state.walBytes))
        }
        parts.append(.end(DuckDBFiles.walBase + UInt64(state.walPages)))
        return parts
    }
}

/// Neighbours among the pages that are captured.
private struct Part {
    enum Place { case headers, main, wal }

    /// The id of its first page.
    var first: UInt64
    var place: Place
    /// Where they lie there; all pages but the WAL's last are full. Empty for the mark of a file's end.
    var bytes: Range<Int>
    /// The number of the block that they are.
    var block: Int?

    static func end(_ id: UInt64) -> Part { Part(first: id, place: .headers, bytes: 0..<0) }
}

private struct Sources {
    let headers: [UInt8]
    let main: PosixFile
    let wal: PosixFile?

    private static let bytesPerRead = 256 << 10

    /// Into memory.
    func read(_ parts: [Part], _ size: Int) throws(FileFailure) -> (PageSet, torn: Set<Int>) {
        var torn: Set<Int> = []
        var set = PageSet(pageSize: DuckDBFiles.pageSize, endPageCount: nil)
        var failure: FileFailure?
        set.bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            do throws(FileFailure) {
                for part in parts {
                    let memory = UnsafeMutableBufferPointer(rebasing: buffer[initialized..<initialized + part.bytes.count])
                    try read(part.bytes, of: part.place, into: UnsafeMutableRawBufferPointer(memory))
                    if let block = part.block {
                        var checksum = DuckDBBlockChecksum()
                        checksum.add(UnsafeRawBufferPointer(memory))
                        if !checksum.isRight { torn.insert(block) }
                    }
                    initialized += part.bytes.count
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        var start = 0
        for part in parts {
            if part.bytes.isEmpty { set.pages.append(.init(id: part.first, bytes: start..<start)) }
            for (index, offset) in stride(from: 0, to: part.bytes.count, by: set.pageSize).enumerated() {
                set.pages.append(
                    .init(id: part.first + UInt64(index), bytes: start + offset..<start + min(offset + set.pageSize, part.bytes.count)))
            }
            start += part.bytes.count
        }
        return (set, torn)
    }

    /// Into a file.
    func write(_ parts: [Part], _ writer: PageFileWriter) throws(FileFailure) -> (PageSet, torn: Set<Int>) {
        var torn: Set<Int> = []
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bytesPerRead, alignment: 16)
        defer { memory.deallocate() }
        for part in parts {
            if part.bytes.isEmpty { _ = try writer.append(part.first, count: 0) }
            var id = part.first, checksum = DuckDBBlockChecksum()
            for start in stride(from: part.bytes.lowerBound, to: part.bytes.upperBound, by: memory.count) {
                let piece = UnsafeMutableRawBufferPointer(rebasing: memory[..<min(memory.count, part.bytes.upperBound - start)])
                try read(start..<start + piece.count, of: part.place, into: piece)
                if part.block != nil { checksum.add(UnsafeRawBufferPointer(piece)) }
                for offset in stride(from: 0, to: piece.count, by: DuckDBFiles.pageSize) {
                    let page = piece[offset..<min(offset + DuckDBFiles.pageSize, piece.count)]
                    try writer.append(id, count: page.count).copyMemory(from: UnsafeRawBufferPointer(rebasing: page))
                    id += 1
                }
            }
            if let block = part.block, !checksum.isRight { torn.insert(block) }
        }
        return (try writer.finish(endPageCount: nil), torn)
    }

    /// - Throws: also when the file has become shorter.
    private func read(_ range: Range<Int>, of place: Part.Place, into memory: UnsafeMutableRawBufferPointer) throws(FileFailure) {
        switch place {
        case .headers: memory.copyBytes(from: headers[range])
        case .main: try read(range, of: main, into: memory)
        case .wal:
            guard let wal else { brokenInvariant("the WAL is read and not open") }
            try read(range, of: wal, into: memory)
        }
    }

    private func read(_ range: Range<Int>, of file: PosixFile, into memory: UnsafeMutableRawBufferPointer) throws(FileFailure) {
        guard try file.read(into: memory, at: range.lowerBound) == range.count else { throw .end(of: file.path) }
    }
}

/// Whether a block is whole: its first 8 bytes are the checksum of the others. One that is not is being written, or was when a machine failed.
///
/// Source: `Checksum` in DuckDB's `src/common/checksum.cpp`.
struct DuckDBBlockChecksum {
    private var stored: UInt64?
    private var computed: UInt64 = 5381

    /// The next bytes of the block, a multiple of 8.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        invariant(bytes.count % 8 == 0, "a block is read in pieces that cut its words")
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            if stored == nil { stored = word } else { computed ^= word &* 0xbf58_476d_1ce4_e5b9 }
        }
    }

    var isRight: Bool { stored == computed }
}

extension FileFailure {
    /// Never leaves this file.
    fileprivate static func end(of path: String) -> FileFailure { FileFailure("end", path, errno: ENODATA) }
    fileprivate var isOfEnd: Bool { operation == "end" }
}
