import Changesets
import FleetModel
import Foundation

extension DuckDBReader {
    /// The pages that differ between `former` and `state`, which is how the files are now; all of them without `former`.
    ///
    /// - Parameter spool: when they lie in a file.
    /// - Throws: ``CaptureError/changedMeanwhile(path:)`` when the files are no longer as `state` says.
    func pages(of state: DuckDBState, since former: DuckDBState?, _ spool: SpoolRule?) throws(CaptureError) -> PageSet {
        let parts = parts(of: state, since: former)
        let size = parts.reduce(0) { $0 + $1.bytes.count }
        if let spool, size > spool.memoryBytes, size > spool.fileBytes { throw .noRoomInSpool(bytes: size) }
        let set: PageSet
        do throws(FileFailure) {
            let wal = parts.contains { $0.place == .wal } ? try PosixFile(files.wal, O_RDONLY) : nil
            let sources = Sources(headers: state.headers.bytes, main: main, wal: wal)
            if let spool, size > spool.memoryBytes {
                set = try sources.write(parts, PageFileWriter(in: spool.folder, profile: .blocks, pageSize: DuckDBFiles.pageSize))
            } else {
                set = try sources.read(parts, size)
            }
        } catch { throw error.isOfEnd ? .changedMeanwhile(path: files.main) : .file(error) }
        guard try headers() == state.headers else { throw .changedMeanwhile(path: files.main) }
        return set
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
                Part(first: UInt64(DuckDBFiles.headerPages + block * pagesPerBlock), place: .main, bytes: start..<start + state.blockSize))
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

    static func end(_ id: UInt64) -> Part { Part(first: id, place: .headers, bytes: 0..<0) }
}

private struct Sources {
    let headers: [UInt8]
    let main: PosixFile
    let wal: PosixFile?

    private static let bytesPerRead = 256 << 10

    /// Into memory.
    func read(_ parts: [Part], _ size: Int) throws(FileFailure) -> PageSet {
        var set = PageSet(pageSize: DuckDBFiles.pageSize, endPageCount: nil)
        var failure: FileFailure?
        set.bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            do throws(FileFailure) {
                for part in parts {
                    let memory = UnsafeMutableBufferPointer(rebasing: buffer[initialized..<initialized + part.bytes.count])
                    try read(part.bytes, of: part.place, into: UnsafeMutableRawBufferPointer(memory))
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
        return set
    }

    /// Into a file.
    func write(_ parts: [Part], _ writer: PageFileWriter) throws(FileFailure) -> PageSet {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bytesPerRead, alignment: 16)
        defer { memory.deallocate() }
        for part in parts {
            if part.bytes.isEmpty { _ = try writer.append(part.first, count: 0) }
            var id = part.first
            for start in stride(from: part.bytes.lowerBound, to: part.bytes.upperBound, by: memory.count) {
                let piece = UnsafeMutableRawBufferPointer(rebasing: memory[..<min(memory.count, part.bytes.upperBound - start)])
                try read(start..<start + piece.count, of: part.place, into: piece)
                for offset in stride(from: 0, to: piece.count, by: DuckDBFiles.pageSize) {
                    let page = piece[offset..<min(offset + DuckDBFiles.pageSize, piece.count)]
                    try writer.append(id, count: page.count).copyMemory(from: UnsafeRawBufferPointer(rebasing: page))
                    id += 1
                }
            }
        }
        return try writer.finish(endPageCount: nil)
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

extension FileFailure {
    /// Never leaves this file.
    fileprivate static func end(of path: String) -> FileFailure { FileFailure("end", path, errno: ENODATA) }
    fileprivate var isOfEnd: Bool { operation == "end" }
}
