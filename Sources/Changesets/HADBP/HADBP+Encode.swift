import Crypto

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

        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            Layout.compactedMinimumLength + contentLength + entryCount * (profile.pageIDWidth + Layout.lengthFieldWidth))
        bytes += Layout.magic
        bytes.append(declaredEndChecksum == nil ? 1 : 2)
        bytes.append(flags.rawValue)
        bytes.append(UInt8(profile.pageIDWidth))
        bytes.appendBigEndian(pageSize)
        bytes.appendBigEndian(seq)
        bytes.appendBigEndian(previousChecksum)
        bytes.appendBigEndian(pageCount)
        bytes.appendBigEndian(createdAt)
        if let declaredEndChecksum { bytes.appendBigEndian(declaredEndChecksum) }

        let entriesStart = bytes.count
        for page in pages.pages {
            appendEntry(page.id, pages.bytes[page.bytes], profile: profile, to: &bytes)
        }
        if let marker { appendEntry(marker, [], profile: profile, to: &bytes) }

        let checksum = checksum(previousChecksum: previousChecksum, entries: bytes[entriesStart...])
        bytes.appendBigEndian(checksum)
        return EncodedChangeset(bytes: bytes, checksum: checksum, chainChecksum: declaredEndChecksum ?? checksum)
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
            guard page.bytes.lowerBound >= 0, page.bytes.upperBound <= pages.bytes.count else {
                throw .pageOutsideBuffer(id: page.id)
            }
            guard page.bytes.count <= pages.pageSize else {
                throw .pageTooLong(id: page.id, length: page.bytes.count, pageSize: pages.pageSize)
            }
            length += page.bytes.count
        }
        return length
    }

    private static func appendEntry(
        _ id: UInt64, _ content: ArraySlice<UInt8>, profile: Profile, to bytes: inout [UInt8]
    ) {
        switch profile {
        case .sqlite: bytes.appendBigEndian(UInt32(id))
        case .blocks: bytes.appendBigEndian(id)
        }
        // No page is longer than the page size, which is 32 bits wide.
        bytes.appendBigEndian(UInt32(content.count))
        bytes.append(contentsOf: content)
    }
}
