import Crypto
import FleetModel
import Foundation

extension HADBP {
    /// The bytes of a changeset with these pages.
    ///
    /// In the SQLite profile a set with `endPageCount` becomes an incremental with its end-page marker, one without
    /// becomes a set without marker: a snapshot when `previousChecksum` is 0, and then it must hold every page.
    ///
    /// - Parameters:
    ///   - createdAt: Unix milliseconds.
    ///   - declaredEndChecksum: writes version 2 (compacted): `seq` is then that of the last changeset merged,
    ///     `previousChecksum` the chain value before the first and this the chain value after the last.
    /// - Throws: `HADBPError` when the pages break a rule of the profile or do not fit the format.
    public static func encode(
        _ pages: PageSet, profile: Profile, seq: UInt64, previousChecksum: UInt64, createdAt: Int64,
        declaredEndChecksum: UInt64? = nil
    ) throws(HADBPError) -> EncodedChangeset {
        let marker = try endPageMarker(of: pages, profile: profile)
        let entryCount = pages.pages.count + (marker == nil ? 0 : 1)
        let contentLength = try checkExtents(of: pages)
        try profile.check(pages, previousChecksum: previousChecksum, kind: nil)
        guard let pageSize = UInt32(exactly: pages.pageSize) else { throw .pageSizeOutOfRange(pages.pageSize) }
        guard let pageCount = UInt32(exactly: entryCount) else { throw .tooManyPages(entryCount) }

        var flags: Flags = marker == nil ? [] : .endPageMarker
        if declaredEndChecksum != nil { flags.insert(.compacted) }

        var header: [UInt8] = []
        header += Layout.magic
        header.append(declaredEndChecksum == nil ? 1 : 2)
        header.append(flags.rawValue)
        header.append(UInt8(profile.pageIDWidth))
        header.appendBigEndian(pageSize)
        header.appendBigEndian(seq)
        header.appendBigEndian(previousChecksum)
        header.appendBigEndian(pageCount)
        header.appendBigEndian(createdAt)
        if let declaredEndChecksum { header.appendBigEndian(declaredEndChecksum) }

        switch pages.content {
        case .memory(let content):
            var bytes = header
            bytes.reserveCapacity(Layout.compactedMinimumLength + contentLength + entryCount * profile.entryHeadLength)
            for page in pages.pages {
                appendEntryHead(page.id, page.bytes.count, profile: profile, to: &bytes)
                bytes.append(contentsOf: content[page.bytes])
            }
            if let marker { appendEntryHead(marker, 0, profile: profile, to: &bytes) }
            let checksum = checksum(previousChecksum: previousChecksum, entries: bytes[header.count...])
            bytes.appendBigEndian(checksum)
            return EncodedChangeset(contents: .bytes(bytes), checksum: checksum, chainChecksum: declaredEndChecksum ?? checksum)
        case .file(let file):
            invariant(declaredEndChecksum == nil, "a file of pages has no room for what a compacted changeset declares")
            do throws(FileFailure) {
                let (changeset, checksum) = try complete(
                    file, pages.pages, header: header, marker: marker, profile: profile, previousChecksum: previousChecksum)
                return EncodedChangeset(contents: .file(changeset), checksum: checksum, chainChecksum: checksum)
            } catch { throw .file(error) }
        }
    }

    /// Adds to what a ``PageFileWriter`` wrote what is missing of a changeset. The pages keep their places.
    private static func complete(
        _ file: SpoolFile, _ pages: [PageSet.Page], header: [UInt8], marker: UInt64?, profile: Profile, previousChecksum: UInt64
    ) throws(FileFailure) -> (changeset: SpoolFile, checksum: UInt64) {
        var end = header.count
        for page in pages {
            invariant(page.bytes.lowerBound == end + profile.entryHeadLength, "page \(page.id) does not lie where a changeset has it")
            end = page.bytes.upperBound
        }
        invariant(end == file.size, "a file of pages goes on behind them")
        var tail: [UInt8] = []
        if let marker { appendEntryHead(marker, 0, profile: profile, to: &tail) }
        let checksum = try checksum(previousChecksum: previousChecksum, entriesIn: file, header.count..<end, then: tail)
        tail.appendBigEndian(checksum)
        // Under another name: the pages' own file is removed with them.
        let path = file.path + ".hadbp"
        try FileSystem.rename(file.path, to: path)
        let changeset = SpoolFile(path: path, size: end + tail.count)
        let output = try PosixFile(path, O_WRONLY)
        try output.write(header, at: 0)
        try output.write(tail, at: end)
        return (changeset, checksum)
    }

    static func checksum(
        previousChecksum: UInt64, entriesIn file: SpoolFile, _ range: Range<Int>, then tail: [UInt8] = []
    ) throws(FileFailure) -> UInt64 {
        var hash = SHA256()
        hash.update(bigEndian: previousChecksum)
        try file.read(range) { hash.update(bufferPointer: $0) }
        hash.update(tail[...])
        return hash.finalize().leading64
    }

    /// - Parameter entries: as they lie in the file.
    static func checksum(previousChecksum: UInt64, entries: ArraySlice<UInt8>) -> UInt64 {
        var hash = SHA256()
        hash.update(bigEndian: previousChecksum)
        hash.update(entries)
        return hash.finalize().leading64
    }

    private static func endPageMarker(of pages: PageSet, profile: Profile) throws(HADBPError) -> UInt64? {
        guard let end = pages.endPageCount else { return nil }
        // The marker's own id must fit the width of a page id.
        guard profile == .sqlite, end < profile.maximumPageID else { throw .endPageCountNotRepresentable(end) }
        return end + 1
    }

    /// Returns the bytes of content in all.
    private static func checkExtents(of pages: PageSet) throws(HADBPError) -> Int {
        guard pages.pageSize > 0 else { throw .pageSizeOutOfRange(pages.pageSize) }
        var length = 0
        for page in pages.pages {
            guard page.bytes.lowerBound >= 0, page.bytes.upperBound <= pages.content.size else {
                throw .pageOutsideBuffer(id: page.id)
            }
            guard page.bytes.count <= pages.pageSize else {
                throw .pageTooLong(id: page.id, length: page.bytes.count, pageSize: pages.pageSize)
            }
            length += page.bytes.count
        }
        return length
    }

    /// What lies before the content of an entry.
    static func appendEntryHead(_ id: UInt64, _ length: Int, profile: Profile, to bytes: inout [UInt8]) {
        switch profile {
        case .sqlite: bytes.appendBigEndian(UInt32(id))
        case .blocks: bytes.appendBigEndian(id)
        }
        // No page is longer than the page size, which is 32 bits wide.
        bytes.appendBigEndian(UInt32(length))
    }
}
