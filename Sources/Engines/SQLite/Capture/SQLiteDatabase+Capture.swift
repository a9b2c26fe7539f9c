import Changesets
import Foundation

extension SQLiteDatabase {
    /// What was committed since the last capture, by any connection; `nil` when that is nothing.
    ///
    /// Advances: the caller keeps what it gets until it is shipped. Adds nothing to commits; reads the new part of the WAL
    /// once to verify it and once to copy the last version of each page. On an error nothing is advanced.
    public func capture() throws(CaptureError) -> CapturedChanges? {
        if watermark == .unknown { return try captureAll() }
        guard let (reader, scan) = try scanNew(), let pageCount = scan.pageCount else { return nil }
        let pages = scan.contentOffsets.filter { $0.key <= pageCount }.sorted { $0.key < $1.key }
        let set = try pageSet(pages.map { UInt64($0.key) }, pageCount: UInt64(pageCount)) {
            (index, buffer) throws(CaptureError) in
            try copy(pages[index].value, of: reader, into: buffer)
        }
        watermark = .wal(scan.end, mayRestart: false)
        return CapturedChanges(pages: set, isFull: false)
    }

    /// Every page of the committed state, in memory; later captures continue from it.
    ///
    /// Also the way out of every ``CaptureError`` but `walDamaged`. Pages that lie in neither file (SQLite does not write pages that were
    /// allocated and freed in one transaction, nor the lock page at 1 GiB) are zero.
    public func captureAll() throws(CaptureError) -> CapturedChanges {
        let main = MainFile(primary)
        let wal = try scanAll()
        let pageCount: Int
        if let committed = wal?.scan.pageCount {
            pageCount = Int(committed)
        } else {
            pageCount = try main.pageCount(pageSize: pageSize)
        }
        let mainSize = try main.size()
        let lockPage = SQLiteFile.lockPage(pageSize: pageSize)
        let set = try pageSet(pageCount == 0 ? [] : (1...UInt64(pageCount)).map { $0 }, pageCount: UInt64(pageCount)) {
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
        watermark = watermarkAfterFull(wal?.scan)
        return CapturedChanges(pages: set, isFull: true)
    }

    /// Whether something was committed that is not captured.
    public func hasUncaptured() throws(CaptureError) -> Bool {
        if watermark == .unknown { return true }
        return try scanNew()?.scan.pageCount != nil
    }

    // MARK: - Reading the WAL

    /// Opened for each use: SQLite never locks the WAL, and an idle database should not hold a descriptor more.
    func openWAL() throws(FileFailure) -> WALReader<PosixFile>? {
        guard try FileSystem.size(walPath) ?? 0 >= WALHeader.byteCount else { return nil }
        return try WALReader(PosixFile(walPath, O_RDONLY))
    }

    private func openCheckedWAL() throws(CaptureError) -> WALReader<PosixFile>? {
        guard let reader = try mapFailure({ () throws(FileFailure) in try openWAL() }) else {
            try requireCommitted(readable: 0)
            return nil
        }
        guard reader.header.pageSize == pageSize else {
            throw .pageSizeChanged(path: walPath, expected: pageSize, found: reader.header.pageSize)
        }
        return reader
    }

    private func scanNew() throws(CaptureError) -> (reader: WALReader<PosixFile>, scan: WALScan)? {
        let reader = try openCheckedWAL()
        let start: WALCursor?
        do throws(CaptureError) { start = try watermark.start(in: reader?.header, path: walPath) } catch {
            // Of a WAL that another program began, ours says nothing.
            committed.forget()
            throw error
        }
        guard let start, let reader else { return nil }
        let size = try mapFailure { () throws(FileFailure) in try reader.source.size() }
        guard size >= reader.header.offset(ofFrame: start.nextFrame) else { throw .walShortened(path: walPath) }
        let scan = try mapFailure { () throws(FileFailure) in try reader.scan(from: start) }
        try requireCommitted(readable: scan.end.nextFrame)
        return (reader, scan)
    }

    private func requireCommitted(readable: Int) throws(CaptureError) {
        guard readable >= committed.count else {
            throw .walDamaged(path: walPath, readableFrames: readable, committedFrames: committed.count)
        }
    }

    private func scanAll() throws(CaptureError) -> (reader: WALReader<PosixFile>, scan: WALScan)? {
        guard let reader = try openCheckedWAL() else { return nil }
        let scan = try mapFailure { () throws(FileFailure) in try reader.scan(from: reader.header.start) }
        try requireCommitted(readable: scan.end.nextFrame)
        return (reader, scan)
    }

    /// A WAL without a commit has not begun for SQLite: its next writer gives it a new header.
    private func watermarkAfterFull(_ scan: WALScan?) -> CaptureWatermark {
        guard let scan, scan.pageCount != nil else { return .mainFile }
        if case .wal(scan.end, mayRestart: true) = watermark { return watermark }
        return .wal(scan.end, mayRestart: false)
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
        _ ids: [UInt64], pageCount: UInt64,
        fill: (Int, UnsafeMutableRawBufferPointer) throws(CaptureError) -> Void
    ) throws(CaptureError) -> PageSet {
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
