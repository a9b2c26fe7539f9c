import FleetModel

/// Where a WAL's bytes come from.
protocol WALSource {
    /// Fills `buffer` from `offset`; returns fewer bytes than asked for only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFailure) -> Int
}

extension PosixFile: WALSource {}

/// What a WAL holds between a cursor and its last commit.
struct WALScan {
    /// After the last commit; where the scan began when there is none.
    var end: WALCursor
    /// Pages in the database after the last commit; `nil` when there is no commit.
    var pageCount: UInt32?
    /// Where the content of the last committed version of each page lies in the WAL.
    var contentOffsets: [UInt32: Int] = [:]
}

/// Reads the committed pages out of a WAL.
///
/// The log ends at the first frame whose salts or checksum are wrong. Frames after the last commit (of a transaction that
/// is open, or was rolled back) are not included. That is what SQLite's recovery would find; what SQLite counts as committed may be less,
/// see ``WALIndexHeader``.
struct WALReader<Source: WALSource> {
    private static var bytesPerRead: Int { 1 << 20 }

    let source: Source
    let header: WALHeader

    /// `nil` when the WAL has no valid header: it is empty.
    init?(_ source: Source) throws(FileFailure) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: WALHeader.byteCount, alignment: 8)
        defer { bytes.deallocate() }
        let count = try source.read(into: bytes, at: 0)
        guard let header = WALHeader(UnsafeRawBufferPointer(rebasing: bytes[..<count])) else { return nil }
        self.source = source
        self.header = header
    }

    /// - Parameters:
    ///   - cursor: of this WAL, that is with its salts.
    ///   - limit: the number of frames that count; what comes after them is as if it were not there.
    func scan(from cursor: WALCursor, through limit: Int = .max) throws(FileFailure) -> WALScan {
        invariant(cursor.salts == header.salts, "a cursor of another WAL")
        let framesPerRead = max(1, Self.bytesPerRead / header.frameSize)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: framesPerRead * header.frameSize, alignment: 8)
        defer { buffer.deallocate() }

        var scan = WALScan(end: cursor)
        var uncommitted: [(page: UInt32, offset: Int)] = []
        var checksum = cursor.checksum
        var frame = cursor.nextFrame
        while true {
            let count = try source.read(into: buffer, at: header.offset(ofFrame: frame))
            let complete = count / header.frameSize
            for index in 0..<complete {
                guard frame < limit else { return scan }
                let bytes = UnsafeRawBufferPointer(
                    rebasing: buffer[index * header.frameSize..<(index + 1) * header.frameSize])
                guard let valid = WALFrame(bytes, of: header, checksum: &checksum) else { return scan }
                uncommitted.append((valid.pageNumber, header.offset(ofFrame: frame) + WALFrame.headerByteCount))
                frame += 1
                if valid.pagesAfterCommit > 0 {
                    for (page, offset) in uncommitted { scan.contentOffsets[page] = offset }
                    uncommitted.removeAll(keepingCapacity: true)
                    scan.pageCount = valid.pagesAfterCommit
                    scan.end = WALCursor(salts: header.salts, nextFrame: frame, checksum: checksum)
                    invariant(cursor.nextFrame < frame && frame <= limit, "read past what counts as committed")
                }
            }
            if complete < framesPerRead { return scan }
        }
    }

    /// Copies a page a scan found. The WAL must not have begun anew since.
    ///
    /// - Returns: whether the WAL still reaches that far.
    func readPage(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Bool {
        try source.read(into: buffer, at: offset) == buffer.count
    }
}
