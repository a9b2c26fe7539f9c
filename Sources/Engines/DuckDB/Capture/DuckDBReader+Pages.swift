import Changesets
import Foundation

extension DuckDBReader {
    /// The pages that differ between `former` and `state`, which is how the files are now; all of them without `former`.
    ///
    /// - Throws: ``CaptureError/changedMeanwhile(path:)`` when the files are no longer as `state` says.
    func pages(of state: DuckDBState, since former: DuckDBState?) throws(CaptureError) -> PageSet {
        var set = PageSet(pageSize: DuckDBFiles.pageSize, endPageCount: nil)
        do throws(FileFailure) {
            // Everything is read: its size is known.
            if former == nil { set.bytes.reserveCapacity(state.mainPages * DuckDBFiles.pageSize + state.walBytes) }
            if state.headers != former?.headers {
                set.append(state.headers.bytes, from: 0)
            }
            let former = former.flatMap { $0.blockSize == state.blockSize ? $0 : nil }
            let pagesPerBlock = state.blockSize / DuckDBFiles.pageSize
            for (block, checksum) in state.blocks.enumerated() {
                if let former, block < former.blocks.count, former.blocks[block] == checksum { continue }
                let first = UInt64(DuckDBFiles.headerPages + block * pagesPerBlock)
                try set.append(from: first, state.blockSize, of: main, at: Int(first) * DuckDBFiles.pageSize)
            }
            set.appendEnd(at: UInt64(state.mainPages))
            try appendWAL(of: state, since: former, to: &set)
        } catch { throw .file(error) }
        guard try headers() == state.headers, set.isComplete(for: state) else { throw .changedMeanwhile(path: files.main) }
        return set
    }

    private func appendWAL(of state: DuckDBState, since former: DuckDBState?, to set: inout PageSet) throws(FileFailure) {
        var start = 0
        if let former {
            if state.hasSameCommits(as: former) { return }
            // From the page that held the former end on: it has grown.
            if state.walContinues(former) { start = former.walBytes / DuckDBFiles.pageSize * DuckDBFiles.pageSize }
            if former.walBytes == 0 && state.walBytes == 0 { return }
        }
        if state.walBytes > start {
            let file = try PosixFile(files.wal, O_RDONLY)
            try set.append(
                from: DuckDBFiles.walBase + UInt64(start / DuckDBFiles.pageSize), state.walBytes - start, of: file, at: start)
        }
        set.appendEnd(at: DuckDBFiles.walBase + UInt64(state.walPages))
    }
}

extension PageSet {
    /// Appends what lies in `file` at `offset` as pages from `first` on. The last one may be short.
    mutating func append(from first: UInt64, _ count: Int, of file: PosixFile, at offset: Int) throws(FileFailure) {
        // No reservation: of an exact size, for every block, it would copy everything that is there already.
        let start = bytes.count
        while bytes.count < start + count {
            let wanted = min(start + count - bytes.count, Self.bytesPerRead)
            let (piece, failure) = file.read(wanted, at: offset + bytes.count - start)
            if let failure { throw failure }
            // The end of the file, which is found out when the set is complete.
            if piece.isEmpty { break }
            bytes += piece
        }
        appendPages(from: first, start..<bytes.count)
    }

    private static var bytesPerRead: Int { 256 << 10 }

    fileprivate mutating func append(_ content: [UInt8], from first: UInt64) {
        let start = bytes.count
        bytes += content
        appendPages(from: first, start..<bytes.count)
    }

    private mutating func appendPages(from first: UInt64, _ range: Range<Int>) {
        for (index, start) in stride(from: range.lowerBound, to: range.upperBound, by: pageSize).enumerated() {
            pages.append(Page(id: first + UInt64(index), bytes: start..<min(start + pageSize, range.upperBound)))
        }
    }

    fileprivate mutating func appendEnd(at id: UInt64) { pages.append(Page(id: id, bytes: bytes.count..<bytes.count)) }

    /// Nothing of it was read short: only the WAL's last page is not full.
    fileprivate func isComplete(for state: DuckDBState) -> Bool {
        let lastOfWAL = DuckDBFiles.walBase + UInt64(max(1, state.walPages)) - 1
        let lastBytes = state.walBytes - max(0, state.walPages - 1) * pageSize
        return pages.allSatisfy {
            $0.bytes.isEmpty || $0.bytes.count == ($0.id == lastOfWAL ? lastBytes : pageSize)
        }
    }
}

extension PosixFile {
    /// What lies at `offset`, without filling the memory with zeros first. Fewer bytes only at the end of the file.
    fileprivate func read(_ count: Int, at offset: Int) -> ([UInt8], FileFailure?) {
        var failure: FileFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(FileFailure) {
                initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch { failure = error }
        }
        return (bytes, failure)
    }
}
