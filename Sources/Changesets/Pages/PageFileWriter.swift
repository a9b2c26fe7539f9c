package import FleetModel
import Foundation

/// Writes the pages of a set that is too large for memory into a file: as they lie in the changeset they become, behind room for its header and
/// each behind its id and length. ``HADBP/encode(_:profile:seq:previousChecksum:createdAt:declaredEndChecksum:)`` adds the rest.
///
/// Whoever does not finish leaves no file behind.
package final class PageFileWriter {
    private let file: PosixFile
    private let profile: HADBP.Profile
    private let pageSize: Int
    private var pages: [PageSet.Page] = []
    /// What is not written yet: so many bytes of it, which go behind so many of the file.
    private let buffer: UnsafeMutableRawBufferPointer
    private var waiting = 0
    private var written = 0
    private var isFinished = false

    package init(in folder: SpoolFolder, profile: HADBP.Profile, pageSize: Int) throws(FileFailure) {
        file = try PosixFile(try folder.newFile(), O_RDWR | O_CREAT | O_EXCL)
        self.profile = profile
        self.pageSize = pageSize
        buffer = .allocate(byteCount: SpoolFile.pieceBytes + profile.entryHeadLength + pageSize, alignment: 16)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        waiting = HADBP.Layout.headerLength
    }

    deinit {
        buffer.deallocate()
        if !isFinished { unlink(file.path) }
    }

    /// Adds a page.
    ///
    /// - Returns: the memory for its content, which whoever calls has filled before the next call.
    package func append(_ id: UInt64, count: Int) throws(FileFailure) -> UnsafeMutableRawBufferPointer {
        invariant(count <= pageSize, "a page of \(count) bytes where they have \(pageSize)")
        if waiting >= SpoolFile.pieceBytes { try flush() }
        var head: [UInt8] = []
        HADBP.appendEntryHead(id, count, profile: profile, to: &head)
        buffer[waiting..<waiting + head.count].copyBytes(from: head)
        waiting += head.count
        let start = written + waiting
        pages.append(PageSet.Page(id: id, bytes: start..<start + count))
        defer { waiting += count }
        return UnsafeMutableRawBufferPointer(rebasing: buffer[waiting..<waiting + count])
    }

    /// - Parameter endPageCount: as ``PageSet/endPageCount``.
    package func finish(endPageCount: UInt64?) throws(FileFailure) -> PageSet {
        try flush()
        isFinished = true
        return PageSet(
            pageSize: pageSize, endPageCount: endPageCount, pages: pages, content: .file(SpoolFile(path: file.path, size: written)))
    }

    private func flush() throws(FileFailure) {
        try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<waiting]), at: written)
        written += waiting
        waiting = 0
    }
}
