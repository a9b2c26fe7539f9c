public import Changesets
import FleetModel
import Foundation

extension SQLiteDatabase {
    /// What was committed since the last capture, by any connection; `nil` when that is nothing.
    ///
    /// Advances: the caller keeps what it gets until it is shipped. Adds nothing to commits; reads the new part of the WAL
    /// once to verify it and once to copy the last version of each page. On an error nothing is advanced.
    public func capture(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges? {
        try reopenAfterFault()
        if watermark == .unknown { return try captureAll(spool: spool) }
        guard let (reader, scan, pageCount) = try scanNew() else { return nil }
        let pages = scan.contentOffsets.filter { $0.key <= pageCount }.sorted { $0.key < $1.key }
        let set = try pageSet(pages.map { UInt64($0.key) }, pageCount: UInt64(pageCount), spool) {
            (index, buffer) throws(CaptureError) in
            try copy(pages[index].value, of: reader, into: buffer)
        }
        invariant(set.pages.count == pages.count && set.content.size >= pages.count * pageSize, "a page is not captured whole")
        watermark = .wal(scan.end, mayRestart: false)
        return CapturedChanges(pages: set, isFull: false)
    }

    /// Every page of the committed state; later captures continue from it.
    ///
    /// Also the way out of every ``CaptureError`` but `walDamaged`. Pages that lie in neither file (SQLite does not write pages that were
    /// allocated and freed in one transaction, nor the lock page at 1 GiB) are zero.
    public func captureAll(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges {
        try reopenAfterFault()
        let main = MainFile(primary)
        let index = try walIndex()
        let wal = try scan(to: index, from: .beginning)
        let pageCount = wal == nil ? try main.pageCount(pageSize: pageSize) : Int(index.pageCount)
        let mainSize = try main.size()
        let lockPage = SQLiteFile.lockPage(pageSize: pageSize)
        let set = try pageSet(pageCount == 0 ? [] : (1...UInt64(pageCount)).map { $0 }, pageCount: UInt64(pageCount), spool) {
            (index, buffer) throws(CaptureError) in
            let page = UInt64(index + 1)
            if let wal, let offset = wal.scan.contentOffsets[UInt32(page)] {
                try copy(offset, of: wal.reader, into: buffer)
            } else if page != lockPage && index * pageSize < mainSize {
                try main.read(into: buffer, at: index * pageSize)
            } else {
                buffer.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
        invariant(set.pages.count == pageCount, "a full capture leaves pages out")
        watermark = watermarkAfterFull(index)
        return CapturedChanges(pages: set, isFull: true)
    }

    /// Whether something was committed that is not captured.
    public func hasUncaptured() throws(CaptureError) -> Bool {
        try reopenAfterFault()
        if watermark == .unknown { return true }
        return try scanNew() != nil
    }

    // MARK: - Reading the WAL

    /// Opened for each use: SQLite never locks the WAL, and an idle database should not hold a descriptor more.
    func openWAL() throws(FileFailure) -> WALReader<PosixFile>? {
        guard try FileSystem.size(walPath) ?? 0 >= WALHeader.byteCount else { return nil }
        return try WALReader(PosixFile(walPath, O_RDONLY))
    }

    /// What SQLite counts as committed.
    func walIndex() throws(CaptureError) -> WALIndexHeader {
        let index: WALIndexHeader
        do throws(SQLError) { index = try primary.walIndex() } catch { throw .engine(error) }
        guard index.frameCount == 0 || index.pageSize == pageSize else {
            throw .pageSizeChanged(path: walPath, expected: pageSize, found: index.pageSize)
        }
        return index
    }

    /// Whether the WAL leads from `cursor`, which is of this WAL, to the end that SQLite counts.
    func leads(from cursor: WALCursor) throws(CaptureError) -> Bool {
        let index = try walIndex()
        return try scan(to: index, from: .cursor(cursor))?.scan.end == index.end
    }

    private func scanNew() throws(CaptureError) -> (reader: WALReader<PosixFile>, scan: WALScan, pageCount: UInt32)? {
        let index = try walIndex()
        guard let start = try watermark.start(before: index.end, path: walPath),
            let (reader, scan) = try scan(to: index, from: start), scan.pageCount != nil
        else { return nil }
        return (reader, scan, index.pageCount)
    }

    /// Reads from `start` exactly to the end that SQLite counts: a frame fewer is damage, a frame more is no commit.
    ///
    /// - Returns: `nil` when everything committed is in the main file.
    private func scan(
        to index: WALIndexHeader, from start: CaptureWatermark.Start
    ) throws(CaptureError) -> (reader: WALReader<PosixFile>, scan: WALScan)? {
        guard index.frameCount > 0 else { return nil }
        guard let reader = try mapFailure({ () throws(FileFailure) in try openWAL() }), reader.header.salts == index.end.salts else {
            throw .walDamaged(path: walPath, readableFrames: 0, committedFrames: index.frameCount)
        }
        guard reader.header.pageSize == pageSize else {
            throw .pageSizeChanged(path: walPath, expected: pageSize, found: reader.header.pageSize)
        }
        let cursor = if case .cursor(let cursor) = start { cursor } else { reader.header.start }
        let size = try mapFailure { () throws(FileFailure) in try reader.source.size() }
        guard cursor.nextFrame <= index.frameCount, size >= reader.header.offset(ofFrame: cursor.nextFrame) else {
            throw .walShortened(path: walPath)
        }
        let scan = try mapFailure { () throws(FileFailure) in try reader.scan(from: cursor, through: index.frameCount) }
        guard scan.end == index.end else {
            throw .walDamaged(path: walPath, readableFrames: scan.end.nextFrame, committedFrames: index.frameCount)
        }
        return (reader, scan)
    }

    /// A WAL without a commit has not begun for SQLite: its next writer gives it a new header.
    private func watermarkAfterFull(_ index: WALIndexHeader) -> CaptureWatermark {
        guard index.frameCount > 0 else { return .mainFile }
        if case .wal(index.end, mayRestart: true) = watermark { return watermark }
        return .wal(index.end, mayRestart: false)
    }

    // MARK: - Copying pages

    private func copy(
        _ offset: Int, of reader: WALReader<PosixFile>, into buffer: UnsafeMutableRawBufferPointer
    ) throws(CaptureError) {
        let isThere = try mapFailure { () throws(FileFailure) in try reader.readPage(at: offset, into: buffer) }
        guard isThere else { throw .walShortened(path: walPath) }
    }

    /// Builds the set page by page; `fill` gets the index into `ids` and the memory of that page.
    private func pageSet(
        _ ids: [UInt64], pageCount: UInt64, _ spool: SpoolRule?,
        fill: (Int, UnsafeMutableRawBufferPointer) throws(CaptureError) -> Void
    ) throws(CaptureError) -> PageSet {
        if let spool, ids.count * pageSize > spool.memoryBytes {
            guard ids.count * pageSize <= spool.fileBytes else { throw .noRoomInSpool(bytes: ids.count * pageSize) }
            let writer = try mapFailure { () throws(FileFailure) in try PageFileWriter(in: spool.folder, profile: .sqlite, pageSize: pageSize) }
            for (index, id) in ids.enumerated() {
                try fill(index, try mapFailure { () throws(FileFailure) in try writer.append(id, count: pageSize) })
            }
            return try mapFailure { () throws(FileFailure) in try writer.finish(endPageCount: pageCount) }
        }
        var failure: CaptureError?
        let bytes = [UInt8](unsafeUninitializedCapacity: ids.count * pageSize) { buffer, initialized in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            do throws(CaptureError) {
                for index in ids.indices {
                    try fill(index, UnsafeMutableRawBufferPointer(rebasing: memory[initialized..<initialized + pageSize]))
                    initialized += pageSize
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return PageSet(
            pageSize: pageSize, endPageCount: pageCount,
            pages: ids.enumerated().map { .init(id: $1, bytes: $0 * pageSize..<($0 + 1) * pageSize) }, bytes: bytes)
    }

    func mapFailure<Answer>(_ body: () throws(FileFailure) -> Answer) throws(CaptureError) -> Answer {
        do { return try body() } catch { throw .file(error) }
    }
}
