package import FleetModel
import Foundation

extension PageSet {
    /// Pages that are neighbours in their file, as one piece.
    public struct Run {
        /// The first of them.
        public let first: UInt64
        /// The content of all, one after the other. All but the last are as long as a page.
        public let bytes: UnsafeRawBufferPointer
        /// Pages.
        public let count: Int
    }

    /// Hands over `pages`, which are some of this set, as runs: as long as the content lies in memory without a gap, else up to ``SpoolFile/pieceBytes``.
    ///
    /// - Throws: what `body` does, and when a file cannot be read, or ends before its pages.
    package func forEachRun(of pages: ArraySlice<Page>, _ body: (Run) throws(FileFailure) -> Void) throws(FileFailure) {
        switch content {
        case .memory(let bytes):
            try forEachRun(of: pages, in: 0...0, atMost: .max) { first, run throws(FileFailure) in
                try bytes.withUnsafeBufferPointer { all throws(FileFailure) in
                    let content = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: all[run.bytes]))
                    try body(Run(first: first.id, bytes: content, count: run.count))
                }
            }
        case .file(let file):
            let source = try PosixFile(file.path, O_RDONLY)
            let room = max(SpoolFile.pieceBytes, pageSize)
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: room + room / 2, alignment: 16)
            defer { memory.deallocate() }
            // Between two pages lie the id and the length of the second.
            try forEachRun(of: pages, in: 0...Self.largestGap, atMost: room) { first, run throws(FileFailure) in
                let piece = UnsafeMutableRawBufferPointer(rebasing: memory[..<run.bytes.count])
                guard try source.read(into: piece, at: run.bytes.lowerBound) == piece.count else {
                    throw FileFailure("pread", file.path, errno: EIO)
                }
                let length = Self.close(gaps: pages[run.pages], in: piece)
                try body(Run(first: first.id, bytes: UnsafeRawBufferPointer(rebasing: piece[..<length]), count: run.count))
            }
        }
    }

    /// An id of 8 bytes and a length of 4.
    private static let largestGap = 12

    private struct Extent {
        var pages: Range<Int>
        /// In the content, with the gaps between the pages.
        var bytes: Range<Int>
        var count: Int { pages.count }
    }

    private func forEachRun(
        of pages: ArraySlice<Page>, in gaps: ClosedRange<Int>, atMost limit: Int, _ body: (Page, Extent) throws(FileFailure) -> Void
    ) throws(FileFailure) {
        var index = pages.startIndex
        while index < pages.endIndex {
            let first = pages[index]
            var last = first
            var end = index + 1
            while end < pages.endIndex {
                let next = pages[end]
                guard next.id == last.id + 1, last.bytes.count == pageSize, gaps.contains(next.bytes.lowerBound - last.bytes.upperBound),
                    (end - index + 1) * pageSize <= limit
                else { break }
                last = next
                end += 1
            }
            try body(first, Extent(pages: index..<end, bytes: first.bytes.lowerBound..<last.bytes.upperBound))
            index = end
        }
    }

    /// Moves the pages in `piece`, which begins with the first of them, together.
    ///
    /// - Returns: how many bytes they are.
    private static func close(gaps pages: ArraySlice<Page>, in piece: UnsafeMutableRawBufferPointer) -> Int {
        guard let start = pages.first?.bytes.lowerBound, let memory = piece.baseAddress else { return 0 }
        var length = 0
        for page in pages {
            let from = page.bytes.lowerBound - start
            if from != length { memmove(memory + length, memory + from, page.bytes.count) }
            length += page.bytes.count
        }
        return length
    }
}
